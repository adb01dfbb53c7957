// Polyfills for Chrome 83 (Electron 9). Used only by tests.
const missing = (of, those) => {
  for (const [name, value] of Object.entries(those)) {
    if (!(name in of)) Object.defineProperty(of, name, { value, writable: true, configurable: true });
  }
};

function at(place) {
  return this[place < 0 ? this.length + place : place];
}

missing(String.prototype, {
  at,
  replaceAll(old, by) {
    return this.split(old).join(by);
  },
});
missing(Array.prototype, {
  at,
  findLast(test) {
    return [...this].reverse().find(test);
  },
  findLastIndex(test) {
    return this.length - 1 - [...this].reverse().findIndex(test);
  },
  toSpliced(...given) {
    const copy = [...this];
    copy.splice(...given);
    return copy;
  },
  with(place, value) {
    return Object.assign([...this], { [place < 0 ? this.length + place : place]: value });
  },
});
missing(Object, { hasOwn: (of, name) => Object.prototype.hasOwnProperty.call(of, name) });
missing(URL, {
  canParse(url) {
    try {
      return Boolean(new URL(url));
    } catch {
      return false;
    }
  },
});
