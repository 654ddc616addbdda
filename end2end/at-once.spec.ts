// Concurrent and repeated actions.

import { authenticate, expect, open, row, rows, test, waitForHydration } from './fixtures';

test.describe('concurrent actions', { tag: '@once' }, () => {
  test.use({ expectedErrors: [404, 409] });

  test('only one of two users gets a name', async ({ page, otherPage, server, owner }) => {
    await authenticate(otherPage.context(), server, owner);
    const pages = [page, otherPage];
    for (const each of pages) {
      await open(each, '/keys/agent');
      await each.getByRole('button', { name: 'Create API Key' }).click();
      await each.getByRole('menuitem', { name: 'Agent API Key' }).click();
      await each.getByLabel('API Key Name').fill('nightly-build');
    }
    await Promise.all(pages.map((each) => each.getByRole('button', { name: 'Save' }).click()));

    const secrets = pages.map((each) => each.getByRole('dialog').getByText(/^lka_\w+$/));
    const errors = pages.map((each) => each.getByLabel('API Key Name').and(each.locator('[aria-invalid]')));
    for (const index of [0, 1]) {
      await expect(secrets[index].or(errors[index])).toBeVisible();
    }
    const counts = await Promise.all([...secrets, ...errors].map((locator) => locator.count()));
    expect(counts[0] + counts[1], 'secrets shown').toBe(1);
    expect(counts[2] + counts[3], 'errors shown').toBe(1);

    await open(await page.context().newPage(), '/keys/agent');
    const thirdPage = page.context().pages()[1];
    await expect(rows(thirdPage)).toHaveCount(1);
  });

  test('a double click on Save creates one key', async ({ page, owner: _ }) => {
    await open(page, '/keys/agent');
    await page.getByRole('button', { name: 'Create API Key' }).click();
    await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
    await page.getByLabel('API Key Name').fill('nightly-build');
    await page.getByRole('button', { name: 'Save' }).dblclick();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await page.getByRole('button', { name: 'Close without copying' }).click();
    await expect(rows(page)).toHaveCount(1);
  });

  test('a click and input before hydration have their effect afterwards', async ({ page, server, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/latchkey.wasm', async (route) => {
      await released;
      await route.continue();
    });
    await page.goto('/keys/agent', { waitUntil: 'commit' });
    await page.getByRole('searchbox').fill('nightly');
    await page.getByRole('button', { name: 'Create API Key' }).click();
    expect(await page.locator('html[data-hydrated]').count()).toBe(0);
    release();
    await expect(page.getByRole('menuitem', { name: 'Agent API Key' })).toBeVisible();
    await expect(page.getByRole('searchbox')).toHaveValue('nightly');
    await page.waitForURL(/q=nightly/);
  });

  test('deleting a deleted key succeeds', async ({ page, otherPage, server, owner, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await server.addKey(internalKey, 'weekly-build');
    await authenticate(otherPage.context(), server, owner);
    await open(page, '/keys/agent');
    await open(otherPage, '/keys/agent');
    const remove = async (tab: typeof page, name: string) => {
      await row(tab, name).getByRole('button', { name: 'Delete' }).click();
      await tab.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
      await expect(row(tab, name)).toHaveCount(0);
    };

    await remove(otherPage, 'nightly-build');
    await remove(page, 'nightly-build');
    await remove(otherPage, 'weekly-build');
    await page.reload();
    await waitForHydration(page);
    await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
  });

  test('renaming a deleted key shows an error', async ({ page, server, internalKey }) => {
    const { key } = await server.addKey(internalKey, 'nightly-build');
    await open(page, '/keys/agent');
    await row(page, 'nightly-build').getByRole('button', { name: 'Edit' }).click();
    const response = await fetch(`${server.url}/api/v1/keys/${key.id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${internalKey}` },
    });
    expect(response.ok).toBe(true);
    await page.getByLabel('API Key Name').fill('weekly-build');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('alert')).toContainText('Not found. It may have been deleted.');
  });

  test('a late response does not replace a newer search', async ({ page, server, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await server.addKey(internalKey, 'weekly-build');
    await open(page, '/keys/agent');
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/fn/keys/open*', async (route) => {
      const isLate = route.request().postData()?.includes('"nightly"');
      const response = await route.fetch();
      await (isLate ? released : undefined);
      await route.fulfill({ response });
    });
    const search = page.getByRole('searchbox', { name: 'Search' });
    const first = page.waitForRequest('**/fn/keys/open*');
    await search.fill('nightly');
    await first;
    await search.fill('weekly');
    await expect(row(page, 'nightly-build')).toHaveCount(0);
    const lateResponse = page.waitForResponse((response) => Boolean(response.request().postData()?.includes('"nightly"')));
    release();
    await (await lateResponse).finished();
    await expect(search).toHaveValue('weekly');
    await expect(row(page, 'weekly-build')).toBeVisible();
    await expect(rows(page)).toHaveCount(1);
  });

  test('a search does not replace a page that was opened right after typing', async ({ page, server, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await open(page, '/keys/agent');
    // Longer than the search waits for more input.
    await page.route('**/*projects_chunk*', (route) => setTimeout(() => void route.continue(), 500));
    await page.getByRole('searchbox', { name: 'Search' }).evaluate((search: HTMLInputElement) => {
      search.value = 'nightly';
      search.dispatchEvent(new Event('input', { bubbles: true }));
      document.querySelector<HTMLElement>('a[data-go="p"]')?.click();
    });
    await expect(page.getByRole('heading', { name: 'Projects', level: 1 })).toBeVisible();
    await expect(page).toHaveURL('/projects');
  });
});
