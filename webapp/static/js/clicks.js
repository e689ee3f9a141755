// Return whether a click is for the page; with another button or a key held it is for the browser: a new tab, a download.
export function isPlain(event) {
  return !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button);
}
