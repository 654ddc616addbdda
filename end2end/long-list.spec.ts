// 100,000 keys: every row can be reached, and only few rows are in the page.

import type { Page } from '@playwright/test';
import { authenticate, expect, open, row, rows, test } from './fixtures';
import type { User } from './server';

const COUNT = 100_000;
const ROWS_IN_PAGE_MAX = 60;

/** The name of the key at a position in the list, newest first, from 1. */
const keyAt = (position: number) => `key ${String(position).padStart(6, '0')}`;
const grid = (page: Page) => page.getByRole('region', { name: 'Agent API Key' });
const total = (page: Page, text: string) => page.getByRole('status').getByText(text, { exact: true });

/** Scrolls to a fraction of the list, from 0 to 1. */
const scrollTo = (page: Page, fraction: number) =>
  grid(page).evaluate((list, fraction) => (list.scrollTop = (list.scrollHeight - list.clientHeight) * fraction), fraction);

/** The rows in the page: position in the list, from 1, and name; null while the row is loading. */
const rowsInPage = (page: Page) =>
  rows(page).evaluateAll((all) =>
    all.map((one) => ({ position: Number(one.getAttribute('aria-rowindex')) - 1, name: one.getAttribute('aria-label') })),
  );

/** Waits until the rows in the page are loaded, and returns them. */
async function loadedRows(page: Page): Promise<{ position: number; name: string | null }[]> {
  const intervals = [20, 40, 80];
  await expect.poll(async () => (await rowsInPage(page)).every(({ name }) => name), { intervals }).toBe(true);
  return rowsInPage(page);
}

test.describe('100,000 keys', () => {
  let owner: User;

  test.beforeAll(({ server }) => {
    owner = server.addUser();
    server.addManyKeys(owner, COUNT);
  });

  test.beforeEach(({ context, server }) => authenticate(context, server, owner));

  test('scrolls to any position with few rows in the page', { tag: '@widths' }, async ({ page }) => {
    await open(page, '/keys/agent');
    await expect(total(page, '100,000 keys')).toBeVisible();
    await expect(page.getByRole('table')).toHaveAttribute('aria-rowcount', String(COUNT + 1));
    await page.evaluate(() => {
      const count = () => document.querySelectorAll('tbody [role=row]').length;
      const page = Object.assign(window, { most: count() });
      new MutationObserver(() => (page.most = Math.max(page.most, count()))).observe(document, { childList: true, subtree: true });
    });

    for (const fraction of [0.5, 0.25, 0.777, 0.000_3, 0.999_9, 1, 0]) {
      await scrollTo(page, fraction);
      const height = await grid(page).evaluate((list) => list.clientHeight);
      await expect(async () => {
        const inPage = await rowsInPage(page);
        expect(inPage).toEqual(inPage.map(({ position }) => ({ position, name: keyAt(position) })));
        const middle = inPage[Math.floor(inPage.length / 2)].position / COUNT;
        expect(Math.abs(middle - fraction), 'distance from the scroll position').toBeLessThan(0.001);
      }, `scrolled to ${fraction}, ${height}px high`).toPass();
    }
    await scrollTo(page, 1);
    await expect(row(page, keyAt(COUNT))).toBeInViewport({ ratio: 0.99 });
    await scrollTo(page, 0);
    await expect(row(page, keyAt(1))).toBeInViewport({ ratio: 0.99 });

    // One continuous scroll, then the mouse wheel.
    await grid(page).evaluate(async (list) => {
      for (let step = 0; step <= 90; step += 1) {
        list.scrollTop = ((list.scrollHeight - list.clientHeight) * step) / 90;
        await new Promise(requestAnimationFrame);
      }
    });
    await expect(row(page, keyAt(COUNT))).toBeInViewport({ ratio: 0.99 });
    await grid(page).hover();
    await page.mouse.wheel(0, -4_000);
    await expect(row(page, keyAt(COUNT))).toHaveCount(0);

    const most = await page.evaluate(() => (window as unknown as { most: number }).most);
    console.log(`at most ${most} rows were in the page`);
    expect(most).toBeLessThanOrEqual(ROWS_IN_PAGE_MAX);
  });

  test('always shows rows while it is scrolled steadily', { tag: '@once' }, async ({ page }) => {
    await open(page, '/keys/agent');
    const { frames, empty } = await grid(page).evaluate(async (list) => {
      const PIXELS_PER_MS = 1.2;
      const { top, bottom } = list.getBoundingClientRect();
      const isVisible = (row: Element) => row.getBoundingClientRect().bottom > top && row.getBoundingClientRect().top < bottom;
      const nextFrame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
      const start = await nextFrame();
      let [frames, empty] = [0, 0];
      for (let now = start; now < start + 6_000; now = await nextFrame()) {
        const visible = [...list.querySelectorAll('tbody > [role=row]')].filter(isVisible);
        frames += 1;
        empty += Number(!visible.some((row) => row.hasAttribute('aria-label')));
        list.scrollTop = PIXELS_PER_MS * (now - start);
      }
      return { frames, empty };
    });
    console.log(`${empty} of ${frames} frames showed placeholders only`);
    expect(empty).toBe(0);
  });

  test('shows each of 1,000 successive rows', { tag: '@once' }, async ({ page }) => {
    await open(page, '/keys/agent');
    await scrollTo(page, 0.5);
    await grid(page).focus();
    const seen = new Map<number, string | null>();
    const [{ position: first }] = await loadedRows(page);
    while (!seen.has(first + 1_000)) {
      for (const { position, name } of await loadedRows(page)) {
        seen.set(position, name);
      }
      await page.keyboard.press('PageDown');
    }
    for (let position = first; position <= first + 1_000; position += 1) {
      expect(seen.get(position)).toBe(keyAt(position));
    }
  });

  test('search narrows the list while typing', { tag: '@once' }, async ({ page }) => {
    await open(page, '/keys/agent');
    const search = page.getByRole('searchbox', { name: 'Search' });
    await search.pressSequentially('KEY 0999');
    await expect(total(page, '100 keys')).toBeVisible();
    await search.press('7');
    await expect(total(page, '10 keys')).toBeVisible();
    await expect(rows(page)).toHaveCount(10);
    await expect(row(page, keyAt(99_970))).toBeVisible();
    await expect(page.getByRole('table')).toHaveAttribute('aria-rowcount', '11');
    await search.press('x');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await search.fill('');
    await expect(total(page, '100,000 keys')).toBeVisible();
    await expect(row(page, keyAt(1))).toBeVisible();
  });

  test('every column sorts in both directions', { tag: '@once' }, async ({ page }) => {
    await open(page, '/keys/agent');
    const columns = ['Key Name', 'Status', 'Secret Key', 'Created', 'Last Used', 'Created by', 'Expired Date'];
    for (const [position, column] of columns.entries()) {
      const heading = page.getByRole('columnheader', { name: column, exact: true });
      const directions = new Set<string | null>();
      for (const _ of ['first click', 'second click']) {
        const before = await heading.getAttribute('aria-sort');
        await heading.getByRole('button').click();
        await expect(heading).not.toHaveAttribute('aria-sort', before ?? 'none');
        await expect(heading).toHaveAttribute('aria-sort', /^(a|de)scending$/);
        await expect(page.getByRole('columnheader').and(page.locator('[aria-sort]'))).toHaveCount(1);
        const direction = await heading.getAttribute('aria-sort');
        directions.add(direction);
        await expect(async () => {
          const values = await rows(page).evaluateAll(
            (all, position) =>
              all.map((one) => one.querySelectorAll('td')[position]).map((td) => td.querySelector('time')?.dateTime ?? td.innerText.split('\n')[0]),
            // The first cell has the checkbox.
            position + 1,
          );
          // “Never” sorts before every time.
          const comparable = values.map((value) => (column === 'Last Used' && value === 'Never' ? '' : value));
          const sorted = [...comparable].sort();
          expect(comparable).toEqual(direction === 'descending' ? sorted.reverse() : sorted);
        }).toPass();
      }
      expect([...directions].sort()).toEqual(['ascending', 'descending']);
    }
  });
});

test('the middle and the end of 1,000,000 keys are reached by dragging', { tag: '@once' }, async ({ page, server, owner }) => {
  test.setTimeout(300_000);
  const count = 1_000_000;
  server.addManyKeys(owner, count);
  await open(page, '/keys/agent');
  await expect(total(page, '1,000,000 keys')).toBeVisible();
  for (const fraction of [0.5, 1, 0.75, 0.25, 0]) {
    await scrollTo(page, fraction);
    await expect(async () => {
      const inPage = await rowsInPage(page);
      expect(inPage).toEqual(inPage.map(({ position }) => ({ position, name: keyAt(position) })));
      const middle = inPage[Math.floor(inPage.length / 2)].position / count;
      expect(Math.abs(middle - fraction), 'distance from the scroll position').toBeLessThan(0.001);
    }, `scrolled to ${fraction}`).toPass();
  }
  await scrollTo(page, 1);
  await expect(row(page, keyAt(count))).toBeInViewport({ ratio: 0.99 });
});

test('reordered keys are neither skipped nor repeated', { tag: '@once' }, async ({ page, server, owner }) => {
  const count = 400;
  server.addManyKeys(owner, count);
  await open(page, '/keys/agent?sort=-last_used_at');
  await grid(page).focus();
  const seen = new Map<number, string | null>();
  while (!seen.has(count)) {
    for (const { position, name } of await loadedRows(page)) {
      expect(seen.get(position) ?? name, `the row at ${position} does not change`).toBe(name);
      seen.set(position, name);
    }
    // A random third of the keys is used now.
    server.sql(`update api_keys set last_used_at = ${Date.now()}
      where random() % 3 = 0 and created_by = (select id from users where email = '${owner.email}')`);
    await page.keyboard.press('PageDown');
  }
  const names = [...seen.values()].sort();
  expect(names).toEqual(Array.from({ length: count }, (_, position) => keyAt(position + 1)));
});

test('Back and Reload return to the place in the list, a link to its top', { tag: '@once' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 3_000);
  await open(page, '/keys/agent');
  await scrollTo(page, 0.5);
  await loadedRows(page);
  await expect(row(page, keyAt(1_500))).toBeInViewport();
  const sections = page.getByRole('navigation', { name: 'Main' });
  await sections.getByRole('link', { name: 'Projects' }).click();
  await expect(page).toHaveURL('/projects');
  await page.goBack();
  await expect(row(page, keyAt(1_500))).toBeInViewport();
  await page.reload();
  await expect(row(page, keyAt(1_500))).toBeInViewport();

  await sections.getByRole('link', { name: 'Projects' }).click();
  await expect(page).toHaveURL('/projects');
  await sections.getByRole('link', { name: 'API Keys' }).click();
  await page.getByRole('tab', { name: 'Agent API Key' }).click();
  await expect(row(page, keyAt(1))).toBeInViewport();
});

test('a renamed key stays in view', { tag: '@once' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 3_000);
  await open(page, '/keys/agent');
  await scrollTo(page, 0.5);
  const edit = (name: string) => row(page, name).getByRole('button', { name: 'Edit' });
  await edit(keyAt(1_503)).click();
  await page.getByLabel('API Key Name').fill('renamed');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(row(page, 'renamed')).toBeInViewport();
  await expect(row(page, 'renamed')).toHaveAttribute('aria-rowindex', '1504');
  await expect(row(page, keyAt(1_504))).toBeInViewport();
  await expect(edit('renamed')).toBeFocused();
});
