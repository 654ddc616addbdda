// The lists of keys, without their dialogs.

import type { Page } from '@playwright/test';
import { filter, open, row } from '../fixtures';
import { expect, pageStates, pictures, test } from './pictures';

for (const kind of ['internal', 'client', 'agent', 'corpus', 'external', 'general']) {
  pictures(`${kind}-keys`, () => pageStates(() => `/keys/${kind}`));
}

/** Opens a menu by its button, again if it is already open. */
async function openMenu(page: Page, name: string): Promise<void> {
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name, exact: true }).click();
}

pictures('client-keys', () => {
  test.beforeEach(async ({ page, enter }) => {
    await enter('typical');
    await open(page, '/keys/client');
  });

  test('search', async ({ page, take }) => {
    await page.getByRole('searchbox').fill('port');
    await expect(row(page, 'Mobile app')).toHaveCount(0);
    await take('search');
    await page.getByRole('searchbox').fill('nothing like it');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await take('no match');
  });

  test('filters', async ({ page, take }) => {
    await (await filter(page, 'Status')).selectOption({ label: 'Active' });
    await (await filter(page, 'Scope')).fill('orders:');
    await expect(row(page, 'Warehouse scanners')).toHaveCount(0);
    await take('filters');
  });

  test('menus', async ({ page, take }) => {
    for (const name of ['Columns', 'Export']) {
      await take(`menu, ${name}`, { prepare: () => openMenu(page, name) });
    }
    const prepare = async () => {
      await page.keyboard.press('Escape');
      await row(page, 'Partner portal').getByRole('button', { name: 'Actions' }).click();
    };
    await take('menu of a row', { prepare });
  });

  test('selection', async ({ page, take }) => {
    await page.getByRole('checkbox', { name: 'Select Mobile app' }).check();
    await page.getByRole('checkbox', { name: 'Select Web shop' }).check();
    await take('two selected');
  });

  test('row with the focus', async ({ page, take }) => {
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await take('row with the focus');
  });

  test('failed search', async ({ page, take }) => {
    await page.route('**/fn/keys/*', (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
    await page.getByRole('searchbox').fill('port');
    await expect(page.getByRole('alert')).toBeVisible();
    await take('failed search');
  });
});

pictures('client-keys', () => {
  test('rows that are still loading', async ({ page, enter, take }) => {
    await enter('full');
    await open(page, '/keys/client');
    await page.route('**/fn/keys/rows*', () => new Promise(() => {}));
    const list = page.getByRole('region', { name: 'Client' });
    const prepare = () => list.evaluate((element) => (element.scrollTop = element.scrollHeight / 2));
    await take('rows that are still loading', { prepare, loading: true });
  });
});

pictures('agent-keys', () => {
  test('expired key', async ({ page, enter, take }) => {
    await enter('typical');
    await open(page, '/keys/agent?status=expired');
    await take('expired key');
  });
});
