// Announces a message to screen readers.
export function announce(text) {
  document.querySelector('[data-announcer]').textContent = text;
}
