// Called by the test: what "Duplicate" in a tab's menu does.
self.duplicate = async (url) => {
  const [tab] = (await chrome.tabs.query({})).filter((candidate) => candidate.url === url);
  await chrome.tabs.duplicate(tab.id);
};
