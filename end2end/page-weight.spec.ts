// What a page loads, and when.

import type { Page } from '@playwright/test';
import { expect, open, row, signIn, test, waitForPage } from './fixtures';

/** The names of the files that a page loads. */
const loadedFiles = (page: Page) => {
  const names: string[] = [];
  page.on('request', (request) => names.push(new URL(request.url()).pathname.split('/').pop()!));
  return names;
};

test.describe('the sign-in page', { tag: '@once' }, () => {
  test('has a binary of its own, and loads the application while the user types', async ({ page, server }) => {
    const user = server.addUser();
    const names = loadedFiles(page);
    await open(page, '/sign-in');
    expect(names).toEqual(expect.arrayContaining(['entrance.wasm', 'entrance.js', 'entrance.css', 'inter.woff2']));
    expect(names.filter((name) => /^(latchkey|chunk|split)/.test(name))).toEqual([]);
    await page.getByLabel('Email').fill(user.email);
    await expect.poll(() => names).toEqual(expect.arrayContaining(['latchkey.wasm', 'latchkey.js', 'chunks.js', 'latchkey.css']));
    await signIn(page, user);
    await waitForPage(page, '/overview');
  });

  test('opens the requested page', async ({ page, server }) => {
    const user = server.addUser();
    await open(page, '/keys/agent?q=nightly&sort=name');
    await signIn(page, user);
    await waitForPage(page, '/keys/agent?q=nightly&sort=name');
  });
});

test.describe('the dialogs of a key list', { tag: '@once' }, () => {
  test('are loaded when the user begins to use the page', async ({ page, server, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    const names = loadedFiles(page);
    await open(page, '/keys/agent');
    await expect(row(page, 'nightly-build')).toBeVisible();
    expect(names.filter((name) => name.includes('dialogs'))).toEqual([]);
    await page.getByRole('heading', { name: 'API Keys' }).hover();
    await expect.poll(() => names).toContain('split_key_dialogs_chunk.wasm');
  });

  test.describe('without a connection', () => {
    test.use({ expectedErrors: ['net::ERR_FAILED'] });

    test('say that they could not be loaded', async ({ page, server, internalKey }) => {
      await server.addKey(internalKey, 'nightly-build');
      await page.route('**/split_key_dialogs_chunk.wasm', (route) => route.abort());
      await open(page, '/keys/agent');
      await row(page, 'nightly-build').getByRole('button', { name: 'Delete' }).click();
      await expect(page.getByText('The dialog could not be loaded. Reload the page and try again.')).toBeVisible();

      await page.unroute('**/split_key_dialogs_chunk.wasm');
      await row(page, 'nightly-build').getByRole('button', { name: 'Delete' }).click();
      await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
      await expect(row(page, 'nightly-build')).toHaveCount(0);
    });
  });
});
