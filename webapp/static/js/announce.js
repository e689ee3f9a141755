// Says something to those who listen to the page.
export function announce(text) {
  document.querySelector('[data-announcer]').textContent = text;
}
