// Empty, loading and error states, and how to continue from them.

import { authenticate, axe, copyAndClose, createKey, expect, expectFitsWidth, open, row, test, waitForHydration } from './fixtures';

test.describe('a page', () => {
  test.use({ expectedErrors: [403, 404] });

  test('that does not exist keeps the top bar and links to the start', async ({ page, owner }) => {
    const response = await page.goto('/no/such/page');
    expect(response?.status()).toBe(404);
    await open(page, '/no/such/page');
    await expect(page.getByRole('heading', { name: 'Page not found' })).toBeVisible();
    await axe(page, 'a page that does not exist');
    await expectFitsWidth(page);
    await expect(page.getByRole('button', { name: owner.name })).toBeVisible();
    await page.getByRole('link', { name: 'Go to Overview' }).click();
    await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible();
  });

  test('that is long is compressed, but not with a new secret', { tag: '@once' }, async ({ page, server, owner }) => {
    server.addManyKeys(owner, 100);
    const response = await page.goto('/keys/agent');
    expect(response?.headers()['content-encoding']).toBe('gzip');
    await waitForHydration(page);
    const creation = page.waitForResponse('**/fn/keys/create');
    await createKey(page, 'nightly-build');
    expect((await creation).headers()['content-encoding']).toBeUndefined();
    await copyAndClose(page);
  });

  test('that is forbidden names the missing permission', async ({ page, context, server }) => {
    const owner = server.addUser();
    await server.addKey(server.createInternalKey(owner), 'nightly-build');
    const viewer = server.addUser('viewer', owner.organization);
    server.sql(`update roles set permissions = '' where id = (select role_id from users where email = '${viewer.email}')`);
    await authenticate(context, server, viewer);
    const response = await page.goto('/keys/agent');
    expect(response?.status()).toBe(403);
    await open(page, '/keys/agent');
    await expect(page.getByText('View Keys')).toBeVisible();
    await expect(page.getByText('nightly-build')).toHaveCount(0);
    await expect(page.getByRole('link', { name: 'API Keys' })).toHaveCount(0);
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Copy a request' }).click();
    await expect(page.getByText('Request copied')).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/“View Keys”.*\/keys\/agent$/);
    await axe(page, 'a forbidden page');
    await expectFitsWidth(page);
  });
});

test.describe('a list', () => {
  test.use({ expectedErrors: [503, 'net::ERR_INTERNET_DISCONNECTED'] });

  test('that fails to load shows an error and can be retried', async ({ page, server, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await server.addKey(internalKey, 'weekly-build');
    await open(page, '/keys/client');
    await page.route('**/fn/keys/*', (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await expect(page.getByRole('alert')).toContainText("Latchkey can't reach its database right now.");
    await axe(page, 'a list that failed to load');
    await page.unrouteAll();
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(row(page, 'nightly-build')).toBeVisible();
    await expect(page.getByRole('alert')).toHaveCount(0);

    await page.route('**/fn/keys/*', (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
    await page.getByRole('searchbox').fill('nightly');
    await expect(page.getByRole('alert')).toBeVisible();
    await expect(page.getByRole('alert')).toContainText('Below is the last list that could be loaded.');
    await expect(page.getByText('2 keys', { exact: true }), 'of another search').toHaveCount(0);
    await axe(page, 'a search that failed');
    await expectFitsWidth(page);
    await page.unrouteAll();
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByRole('alert')).toHaveCount(0);
    await expect(row(page, 'weekly-build')).toHaveCount(0);
    await expect(row(page, 'nightly-build')).toBeVisible();
  });

  test('that is loading shows its state', async ({ page, server, owner }) => {
    server.addManyKeys(owner, 300);
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    await open(page, '/keys/client');
    await page.route('**/fn/keys/*', async (route) => {
      await released;
      await route.fallback();
    });
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await expect(page.getByRole('status', { name: 'Loading' })).toBeVisible();
    await expect(page.getByRole('tab', { name: 'Agent API Key' }), 'stays while the list is loading').toHaveAttribute('aria-selected', 'true');
    await axe(page, 'a loading list');
    release();
    await expect(row(page, 'key 000001')).toBeVisible();
    await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0);

    const deleteKeys = (first: number, last: number) =>
      server.sql(`update api_keys set deleted_at = 1, unique_name = null where name between 'key 000${first}' and 'key 000${last}'`);
    const list = page.getByRole('region', { name: 'Agent API Key' });
    deleteKeys(290, 298);
    await list.evaluate((list) => (list.scrollTop = list.scrollHeight));
    await expect(row(page, 'key 000300')).toBeVisible();
    await expect(page.getByText('291 keys', { exact: true }), 'without a gap at the end').toBeVisible();

    // Rows between those that are loaded keep their places.
    const scrollTo = (position: number) => list.evaluate((list, position) => (list.scrollTop = (list.scrollHeight * position) / 291), position);
    for (const position of [240, 115]) {
      await scrollTo(position);
      await expect(row(page, `key 000${position + 5}`)).toBeVisible();
    }
    deleteKeys(170, 180);
    await scrollTo(190);
    await expect(page.getByRole('cell', { name: 'Deleted' }).first()).toBeVisible();
    await axe(page, 'a list with deleted rows');
  });

  test('that a proxy answers instead says so', { tag: '@once' }, async ({ page, server, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await open(page, '/keys/agent');
    await page.route('**/fn/keys/open', (route) => route.fulfill({ contentType: 'text/html', body: '<h1>Sign in to the network</h1>' }));
    await page.getByRole('searchbox').fill('nightly');
    await expect(page.getByRole('alert')).toContainText('Something between you and Latchkey answered instead');
    await page.unrouteAll();
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByRole('alert')).toHaveCount(0);
    await expect(row(page, 'nightly-build')).toBeVisible();
  });

  test('keeps its search and order in the URL', { tag: '@once' }, async ({ page, server, internalKey }) => {
    for (const name of ['bcd', 'abcd', 'abcde', 'c']) {
      await server.addKey(internalKey, name);
    }
    const names = () => page.getByRole('row').evaluateAll((all) => all.slice(1).map((one) => one.getAttribute('aria-label')));
    const search = page.getByRole('searchbox');
    await open(page, '/keys/agent');
    await search.fill('bcd');
    await expect.poll(names).toEqual(['abcde', 'abcd', 'bcd']);
    await page.getByRole('columnheader', { name: 'Key Name' }).getByRole('button').click();
    await expect.poll(names).toEqual(['abcd', 'abcde', 'bcd']);
    await page.reload();
    await waitForHydration(page);
    await expect(search).toHaveValue('bcd');
    await expect(page.getByRole('columnheader', { name: 'Key Name' })).toHaveAttribute('aria-sort', 'ascending');
    expect(await names(), 'after a reload').toEqual(['abcd', 'abcde', 'bcd']);
    await page.goBack();
    await expect.poll(names, 'after going back').toEqual(['abcde', 'abcd', 'bcd']);
    await expect(search).toHaveValue('bcd');
    await page.goForward();
    await expect.poll(names, 'after going forward').toEqual(['abcd', 'abcde', 'bcd']);
  });

  test('stays and shows an error while offline', { tag: '@once' }, async ({ page, context, server, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await open(page, '/keys/agent');
    await context.setOffline(true);
    await page.getByRole('button', { name: 'Reload' }).click();
    await expect(page.getByRole('alert')).toContainText("Latchkey can't be reached.");
    await expect(row(page, 'nightly-build'), 'loaded rows stay').toBeVisible();
    await context.setOffline(false);
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByRole('alert')).toHaveCount(0);
  });
});

test.describe('a key', () => {
  test('that has expired says what to do', async ({ page, server, internalKey }) => {
    const { key, secret } = await server.addKey(internalKey, 'nightly-build');
    server.sql(`update api_keys set expires_at = ${Date.now() - 1000} where id = '${key.id}'`);
    await open(page, '/keys/agent');
    await expect(row(page, 'nightly-build').getByText('Expired', { exact: true })).toBeVisible();
    await expect(row(page, 'nightly-build').getByText('Create a new key')).toBeVisible();
    await axe(page, 'an expired key');
    expect(await server.verify(internalKey, secret)).toMatchObject({ valid: false, code: 'EXPIRED' });
  });

  test('with the longest name fits into the page', { tag: '@widths' }, async ({ page, owner: _ }) => {
    const name = 'W'.repeat(100);
    await open(page, '/keys/agent');
    await createKey(page, name);
    await expectFitsWidth(page);
    await axe(page, 'the pop-up with a long name');
    await copyAndClose(page);
    await expectFitsWidth(page);
    await axe(page, 'the list with a long name');
    await page.getByRole('searchbox').fill(name);
    await row(page, name).getByRole('button', { name: 'Delete' }).click();
    await expectFitsWidth(page);
    await expect(page.getByRole('alertdialog').getByRole('button', { name: 'Delete' })).toBeInViewport({ ratio: 0.99 });
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(row(page, name)).toHaveCount(0);
    await expectFitsWidth(page);
    await axe(page, 'no match of a long name');
    await page.reload();
    await waitForHydration(page);
    await expectFitsWidth(page);
  });
});
