// The page of a build log: polls for new output until the deploy is finished, then reloads the page for its status.
const EACH_MS = 1000;
const AFTER_ERROR_MS = 5000;
const NEAR_END = 24;

export function followBuild() {
  const box = document.querySelector('[data-build-log]');
  if (!box || 'complete' in box.dataset) return;
  document.querySelector('[data-build-again]')?.remove();
  box.scrollTop = box.scrollHeight;

  async function more() {
    let wait = EACH_MS;
    try {
      const response = await fetch(`${box.dataset.buildLog}?offset=${box.dataset.offset}`, { redirect: 'manual' });
      if (!response.ok) throw new Error(String(response.status));
      const piece = await response.json();
      append(piece.text);
      box.dataset.offset = piece.offset;
      if (piece.complete) {
        window.location.reload();
        return;
      }
      if (piece.text) wait = 200;
    } catch {
      wait = AFTER_ERROR_MS;
    }
    setTimeout(more, wait);
  }

  function append(text) {
    if (!text) return;
    const wasAtEnd = box.hidden || box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
    document.querySelector('[data-build-empty]')?.remove();
    box.hidden = false;
    box.append(text);
    if (wasAtEnd) box.scrollTop = box.scrollHeight;
  }

  more();
}
