// A hundred thousand keys: any of them can be reached, and few are in the page.

import type { Page } from '@playwright/test';
import { admit, expect, open, row, rows, test } from './fixtures';
import type { Person } from './server';

const COUNT = 100_000;
const ROWS_IN_PAGE_MAX = 60;

/** The name of the key at a place of the list, newest first, from 1. */
const keyAt = (place: number) => `key ${String(place).padStart(6, '0')}`;
const grid = (page: Page) => page.getByRole('region', { name: 'Agent API Key' });
const total = (page: Page, text: string) => page.getByRole('status').getByText(text, { exact: true });

/** Drags the list: to a part of its length, from 0 to 1. */
const dragTo = (page: Page, part: number) =>
  grid(page).evaluate((list, part) => (list.scrollTop = (list.scrollHeight - list.clientHeight) * part), part);

/** The rows that are in the page: their place in the list, from 1, and their name. */
const drawn = (page: Page) =>
  rows(page).evaluateAll((all) =>
    all.map((one) => ({ place: Number(one.getAttribute('aria-rowindex')) - 1, name: one.getAttribute('aria-label') })),
  );

/** Waits until the rows that are in the page have come; answers them. */
async function settled(page: Page): Promise<{ place: number; name: string | null }[]> {
  const intervals = [20, 40, 80];
  await expect.poll(async () => (await drawn(page)).every(({ name }) => name), { intervals }).toBe(true);
  return drawn(page);
}

test.describe('100,000 keys', () => {
  let owner: Person;

  test.beforeAll(({ server }) => {
    owner = server.addPerson();
    server.addManyKeys(owner, COUNT);
  });

  test.beforeEach(({ context, server }) => admit(context, server, owner));

  test('any place can be dragged to, and few rows are ever in the page', { tag: '@widths' }, async ({ page }) => {
    await open(page, '/keys/agent');
    await expect(total(page, '100,000 keys')).toBeVisible();
    await expect(page.getByRole('table')).toHaveAttribute('aria-rowcount', String(COUNT + 1));
    await page.evaluate(() => {
      const count = () => document.querySelectorAll('tbody [role=row]').length;
      const page = Object.assign(window, { most: count() });
      new MutationObserver(() => (page.most = Math.max(page.most, count()))).observe(document, { childList: true, subtree: true });
    });

    for (const part of [0.5, 0.25, 0.777, 0.000_3, 0.999_9, 1, 0]) {
      await dragTo(page, part);
      const height = await grid(page).evaluate((list) => list.clientHeight);
      await expect(async () => {
        const inPage = await drawn(page);
        expect(inPage).toEqual(inPage.map(({ place }) => ({ place, name: keyAt(place) })));
        const middle = inPage[Math.floor(inPage.length / 2)].place / COUNT;
        expect(Math.abs(middle - part), 'how far the rows are from where the list was dragged').toBeLessThan(0.001);
      }, `dragged to ${part}, ${height}px high`).toPass();
    }
    await dragTo(page, 1);
    await expect(row(page, keyAt(COUNT))).toBeInViewport({ ratio: 0.99 });
    await dragTo(page, 0);
    await expect(row(page, keyAt(1))).toBeInViewport({ ratio: 0.99 });

    // A drag in one go, and a turn of the wheel.
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

  test('each of a thousand neighbours is in sight in its turn', { tag: '@once' }, async ({ page }) => {
    await open(page, '/keys/agent');
    await dragTo(page, 0.5);
    await grid(page).focus();
    const seen = new Map<number, string | null>();
    const [{ place: first }] = await settled(page);
    while (!seen.has(first + 1_000)) {
      for (const { place, name } of await settled(page)) {
        seen.set(place, name);
      }
      await page.keyboard.press('PageDown');
    }
    for (let place = first; place <= first + 1_000; place += 1) {
      expect(seen.get(place)).toBe(keyAt(place));
    }
  });

  test('the search narrows as one types', { tag: '@once' }, async ({ page }) => {
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

  test('every column sorts, both ways', { tag: '@once' }, async ({ page }) => {
    await open(page, '/keys/agent');
    const columns = ['Key Name', 'Status', 'Secret Key', 'Created', 'Last Used', 'Created by', 'Expired Date'];
    for (const [place, column] of columns.entries()) {
      const heading = page.getByRole('columnheader', { name: column, exact: true });
      const directions = new Set<string | null>();
      for (const _ of ['one way', 'and the other']) {
        const before = await heading.getAttribute('aria-sort');
        await heading.getByRole('button').click();
        await expect(heading).not.toHaveAttribute('aria-sort', before ?? 'none');
        await expect(heading).toHaveAttribute('aria-sort', /^(a|de)scending$/);
        await expect(page.getByRole('columnheader').and(page.locator('[aria-sort]'))).toHaveCount(1);
        const direction = await heading.getAttribute('aria-sort');
        directions.add(direction);
        await expect(async () => {
          const values = await rows(page).evaluateAll(
            (all, place) =>
              all.map((one) => one.querySelectorAll('td')[place]).map((td) => td.querySelector('time')?.dateTime ?? td.innerText.split('\n')[0]),
            // The box that picks the row comes first.
            place + 1,
          );
          // “Never” used comes before every use.
          const comparable = values.map((value) => (column === 'Last Used' && value === 'Never' ? '' : value));
          const sorted = [...comparable].sort();
          expect(comparable).toEqual(direction === 'descending' ? sorted.reverse() : sorted);
        }).toPass();
      }
      expect([...directions].sort()).toEqual(['ascending', 'descending']);
    }
  });
});

test('keys that move while one pages are neither lost nor doubled', { tag: '@once' }, async ({ page, server, owner }) => {
  const count = 400;
  server.addManyKeys(owner, count);
  await open(page, '/keys/agent?sort=-last_used_at');
  await grid(page).focus();
  const seen = new Map<number, string | null>();
  while (!seen.has(count)) {
    for (const { place, name } of await settled(page)) {
      expect(seen.get(place) ?? name, `the row at ${place} stays the same`).toBe(name);
      seen.set(place, name);
    }
    // A third of the keys is used now, others than before.
    server.sql(`update api_keys set last_used_at = ${Date.now()}
      where random() % 3 = 0 and created_by = (select id from users where email = '${owner.email}')`);
    await page.keyboard.press('PageDown');
  }
  const names = [...seen.values()].sort();
  expect(names).toEqual(Array.from({ length: count }, (_, place) => keyAt(place + 1)));
});

test('a key that is renamed in the middle of the list stays in sight', { tag: '@once' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 3_000);
  await open(page, '/keys/agent');
  await dragTo(page, 0.5);
  const edit = (name: string) => row(page, name).getByRole('button', { name: 'Edit' });
  await edit(keyAt(1_503)).click();
  await page.getByLabel('API Key Name').fill('renamed');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(row(page, 'renamed')).toBeInViewport();
  await expect(row(page, 'renamed')).toHaveAttribute('aria-rowindex', '1504');
  await expect(row(page, keyAt(1_504))).toBeInViewport();
  await expect(edit('renamed')).toBeFocused();
});
