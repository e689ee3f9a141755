// Whether a click is meant for the page; one with another button or with a key held is the browser's: a new tab, a download.
export function isPlain(event) {
  return !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button);
}
