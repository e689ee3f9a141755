// Shows a confirmation in a dialog instead of a page of its own. The form in it is the same, and sent as a plain form.
import { isPlain } from './clicks.js';

export function offerDialogs() {
  const box = document.querySelector('[data-dialog-box]');
  if (!box) return;
  let pressed = '';
  let asked = new AbortController();

  document.addEventListener('click', async (event) => {
    const link = event.target.closest('a[data-dialog]');
    if (!link || !isPlain(event)) return;
    event.preventDefault();
    pressed = link.getAttribute('href');
    asked.abort(); // of two clicks the later one counts
    asked = new AbortController();
    const { signal } = asked;
    try {
      const response = await fetch(`${pressed}?dialog=1`, { redirect: 'manual', signal });
      if (!response.ok) throw new Error();
      show(box, await response.text());
    } catch {
      if (!signal.aborted) location.assign(link.href); // the page shows the error
    }
  });

  // Escape closes a dialog, and also one that is still on its way.
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') asked.abort();
  });

  // The pressed link may have been replaced by now, because its row was refreshed. Then focus is on the body, or, until
  // the next frame, still in the closed dialog.
  box.addEventListener('close', () => {
    const focused = document.activeElement ?? document.body;
    const isLost = focused === document.body || box.contains(focused);
    if (isLost) document.querySelector(`a[data-dialog][href="${CSS.escape(pressed)}"]`)?.focus();
  });

  box.addEventListener('click', (event) => {
    const isBackdrop = event.target === box;
    if (isBackdrop || event.target.closest('[data-close]')) {
      event.preventDefault();
      box.close();
    }
  });
}

function show(box, html) {
  // Our own server rendered it, and the content policy lets no script in it run.
  box.replaceChildren(...new DOMParser().parseFromString(html, 'text/html').body.childNodes);
  box.showModal();
  const first = box.querySelector('input:not([type=hidden])') ?? box.querySelector('[data-close]');
  begin(box, box.querySelector('#dialog-title'), first);
}

// Focus the first control; if that is below the edge of the window, focus the title, without scrolling past it.
function begin(box, title, first) {
  const isTall = box.scrollHeight > box.clientHeight;
  if (isTall) title.tabIndex = -1;
  (isTall ? title : first).focus();
}
