// Digests of shown values, as digest.py makes them: they distinguish versions of one field.
(() => {
  const stash = window.__niceguiStash;
  if (!stash || stash.digest) return;

  let table;
  const crc = (text) => {
    table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
      for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
      return byte;
    });
    let sum = -1;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      sum = table[(sum ^ unit) & 255] ^ (sum >>> 8);
      sum = table[(sum ^ (unit >>> 8)) & 255] ^ (sum >>> 8);
    }
    return (sum ^ -1) >>> 0;
  };
  const canonical = (value, numeric) => {
    if (value === null || value === undefined) return "z";
    if (typeof value === "boolean") return value ? "b1" : "b0";
    if (typeof value === "number") return "n" + value;
    if (typeof value === "string") {
      if (!numeric) return "s" + value;
      if (!value.trim()) return "z";
      return Number.isNaN(Number(value)) ? "s" + value : "n" + Number(value);
    }
    if (Array.isArray(value)) return "[" + value.map((each) => canonical(each)).join(",") + "]";
    const keys = Object.keys(value).sort();
    return "{" + keys.map((key) => key + ":" + canonical(value[key])).join(",") + "}";
  };

  // numeric: the element shows numbers as texts
  stash.digest = (value, numeric) => {
    const text = canonical(value, numeric);
    return `${text.length}.${crc(text)}`;
  };
  // of several items a second one, by which those of a set are known in any order
  stash.digests = (value, numeric) => {
    const found = [stash.digest(value, numeric)];
    if (Array.isArray(value)) found.push("u" + stash.digest(value.map((each) => stash.digest(each)).sort()));
    return found;
  };
})();
