// Called by the test: what "Duplicate" in a tab's menu does.
self.duplicate = async (url) => {
  const [tab] = (await chrome.tabs.query({})).filter((candidate) => candidate.url === url);
  await chrome.tabs.duplicate(tab.id);
};
// What the browser does when memory is short; returns the tab's new number.
self.discard = async (url) => {
  const [tab] = (await chrome.tabs.query({})).filter((candidate) => candidate.url === url);
  await chrome.tabs.create({ url: "about:blank", active: true }); // the tab that is shown stays
  return (await chrome.tabs.discard(tab.id)).id;
};
self.show = (id) => chrome.tabs.update(id, { active: true });
