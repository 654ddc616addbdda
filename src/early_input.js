// Before hydration, a click on a button and the input of a field would be lost: keeps the last click and the values, and repeats them then.
{
  const root = document.documentElement;
  const kept = new AbortController();
  const values = new Map();
  let clicked = null;
  const listen = (type, listener) => document.addEventListener(type, listener, { capture: true, signal: kept.signal });
  listen('click', (event) => {
    const control = event.target.closest('button:not([type=submit]), [type=checkbox], [type=radio]');
    if (control) {
      event.preventDefault();
      event.stopPropagation();
      clicked = control;
    }
  });
  const keepValue = ({ target }) => {
    if (target.matches('select, textarea, input:not([type=checkbox], [type=radio], [type=file])')) {
      values.set(target, target.value);
    }
  };
  listen('input', keepValue);
  listen('change', keepValue);
  const repeat = () => {
    for (const [control, value] of values) {
      if (control.isConnected) {
        if (control.value !== value) {
          control.value = value;
        }
        control.dispatchEvent(new Event('input', { bubbles: true }));
        control.dispatchEvent(new Event('change', { bubbles: true }));
      }
    }
    clicked?.click();
  };
  const observer = new MutationObserver(() => {
    observer.disconnect();
    kept.abort();
    // After the pending effects of the page.
    setTimeout(repeat);
  });
  observer.observe(root, { attributeFilter: ['data-hydrated'] });
}
