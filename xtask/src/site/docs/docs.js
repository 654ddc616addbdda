// Search and copy buttons of the documentation. Its pages can be read without this script.
(() => {
  const RESULTS_MAX = 12;
  const SNIPPET_LENGTH = 140;
  // How much a word in the heading of a section, in the name of its page and in its text counts.
  const WEIGHTS = { title: 8, page: 4, text: 1 };

  const index = new URL('docs.json', document.currentScript.src);
  const clone = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

  // Copying

  for (const block of document.querySelectorAll('.docs-code')) {
    const copy = clone('docs-copy');
    const [status, code] = [copy.firstElementChild, block.querySelector('code')];
    copy.lastElementChild.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(code.textContent.trimEnd());
        status.textContent = 'Copied';
      } catch {
        getSelection().selectAllChildren(code);
        status.textContent = 'Selected: press Ctrl+C';
      }
      setTimeout(() => (status.textContent = ''), 3000);
    });
    block.append(copy);
  }

  // What scrolls sideways can be focused, so that the arrow keys scroll it.
  const scrollable = [...document.querySelectorAll('.docs-code pre, .docs-table')];
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) {
        target.tabIndex = 0;
        // Each with a name of its own, so that screen readers distinguish them.
        target.setAttribute('role', 'region');
        target.setAttribute('aria-label', `${target.matches('pre') ? 'Code' : 'Table'} ${scrollable.indexOf(target) + 1}`);
      } else {
        for (const name of ['tabindex', 'role', 'aria-label']) {
          target.removeAttribute(name);
        }
      }
    }
  });
  scrollable.forEach((each) => sizes.observe(each));

  // The section in view

  const outline = [...document.querySelectorAll('.docs-outline a')].map((link) => [link, document.getElementById(link.hash.slice(1))]);
  const markSection = () => {
    // The last sections cannot be scrolled to the top.
    const isAtEnd = scrollY > 0 && innerHeight + scrollY >= document.documentElement.scrollHeight - 1;
    const limit = isAtEnd ? innerHeight : 120;
    const [current] = outline.filter(([, heading]) => heading.getBoundingClientRect().top < limit).at(-1) ?? [];
    for (const [link] of outline) {
      if (link === current) {
        link.setAttribute('aria-current', 'true');
      } else {
        link.removeAttribute('aria-current');
      }
    }
  };
  if (outline.length > 0) {
    addEventListener('scroll', () => requestAnimationFrame(markSection), { passive: true });
    markSection();
  }

  // Search

  const input = document.getElementById('docs-search');
  const panel = document.getElementById('docs-results');
  const [status, list] = panel.children;
  let sections;

  const load = () => {
    sections ??= fetch(index)
      .then((response) => (response.ok ? response.json() : Promise.reject(response.status)))
      .then((rows) => rows.map(([url, page, title, text]) => ({ url, page, title, text, folded: fold({ title, page, text }) })));
    // The next attempt loads it again.
    sections.catch(() => (sections = undefined));
    return sections;
  };
  const fold = (parts) => Object.fromEntries(Object.entries(parts).map(([name, text]) => [name, text.toLowerCase()]));

  /** 0 if a word is missing; more for words in headings, and for words that begin there. */
  const score = ({ folded }, words) => {
    const scores = words.map((word) =>
      Math.max(...Object.entries(WEIGHTS).map(([part, weight]) => weight * match(folded[part], word))),
    );
    return scores.includes(0) ? 0 : scores.reduce((total, each) => total + each);
  };
  const match = (text, word) => (!text.includes(word) ? 0 : text.startsWith(word) || text.includes(` ${word}`) ? 2 : 1);

  const find = (sections, words) => {
    const found = sections.map((section) => [score(section, words), section]).filter(([points]) => points > 0);
    return found.sort(([first], [second]) => second - first).map(([, section]) => section);
  };

  /** The text around the first of the words, from the beginning of a word. */
  const snippet = ({ text, folded }, words) => {
    const places = words.map((word) => folded.text.indexOf(word)).filter((place) => place >= 0);
    const start = places.length > 0 ? text.lastIndexOf(' ', Math.max(0, Math.min(...places) - 40)) + 1 : 0;
    const end = start + SNIPPET_LENGTH;
    return (start > 0 ? '…' : '') + text.slice(start, end) + (end < text.length ? '…' : '');
  };

  /** Shows a text with the words marked. */
  const mark = (element, text, words) => {
    const any = new RegExp(`(${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`, 'i');
    // Every second part is one of the words.
    element.replaceChildren(
      ...text.split(any).map((part, at) => (at % 2 === 0 ? part : Object.assign(document.createElement('mark'), { textContent: part }))),
    );
  };

  const item = (section, words) => {
    const item = clone('docs-result');
    const [title, page, text] = item.firstElementChild.children;
    item.firstElementChild.href = section.url;
    mark(title, section.title, words);
    page.textContent = section.page === section.title ? '' : section.page;
    mark(text, snippet(section, words), words);
    return item;
  };

  const show = async () => {
    const query = input.value.trim();
    if (!query) {
      // Enter must not open a result of an earlier search.
      list.replaceChildren();
      panel.hidden = true;
      return;
    }
    const words = query.toLowerCase().split(/\s+/);
    let found;
    try {
      found = find(await load(), words);
    } catch {
      found = undefined;
    }
    // The user has typed on in the meantime.
    if (query !== input.value.trim()) {
      return;
    }
    list.replaceChildren(...(found ?? []).slice(0, RESULTS_MAX).map((section) => item(section, words)));
    panel.hidden = false;
    // Screen readers announce only what changes while it is shown.
    requestAnimationFrame(() => (status.textContent = found ? message(found.length, query) : 'The search could not be loaded. Try again.'));
  };
  const message = (count, query) => (count === 0 ? `No results for “${query}”` : count === 1 ? '1 result' : `${count} results`);

  const moveFocus = (step) => {
    const stops = [input, ...list.querySelectorAll('a')];
    const at = stops.indexOf(document.activeElement);
    stops[Math.min(Math.max(at + step, 0), stops.length - 1)].focus();
  };
  const onKey = (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      moveFocus(event.key === 'ArrowDown' ? 1 : -1);
    } else if (event.key === 'Enter' && event.target === input) {
      list.querySelector('a')?.click();
    } else if (event.key === 'Escape' && !panel.hidden) {
      panel.hidden = true;
      input.focus();
    } else {
      return;
    }
    event.preventDefault();
  };

  input.hidden = false;
  input.addEventListener('focus', () => load().catch(() => {}));
  input.addEventListener('input', show);
  input.parentElement.addEventListener('keydown', onKey);
  input.parentElement.addEventListener('focusout', (event) => {
    if (!input.parentElement.contains(event.relatedTarget)) {
      panel.hidden = true;
    }
  });
  input.addEventListener('click', show);
  panel.addEventListener('click', (event) => {
    if (event.target.closest('a')) {
      panel.hidden = true;
    }
  });
  addEventListener('keydown', (event) => {
    const isTyping = event.target.closest?.('input, textarea, select') || event.ctrlKey || event.metaKey || event.altKey;
    if (event.key === '/' && !isTyping) {
      event.preventDefault();
      input.focus();
    }
  });
})();
