// What the page says when there is nothing, nothing yet, or something wrong; and that one gets on from there.

import { admit, axe, copyAndClose, createKey, expect, fitsWidth, live, open, row, test } from './fixtures';

test.describe('a page', () => {
  test.use({ refusals: [403, 404] });

  test('that does not exist says so, and leads on', async ({ page, owner }) => {
    const answer = await page.goto('/no/such/page');
    expect(answer?.status()).toBe(404);
    await open(page, '/no/such/page');
    await expect(page.getByRole('heading', { name: 'Page not found' })).toBeVisible();
    await axe(page, 'a page that does not exist');
    await fitsWidth(page);
    await page.getByRole('link', { name: 'Go to API Keys' }).click();
    await expect(page.getByRole('button', { name: owner.name })).toBeVisible();
  });

  test('that one may not see says so', async ({ page, context, server }) => {
    const owner = server.addPerson();
    await server.addKey(server.platformKey(owner), 'nightly-build');
    const viewer = server.addPerson('viewer', owner.organization);
    server.sql(`update roles set permissions = '' where id = (select role_id from users where email = '${viewer.email}')`);
    await admit(context, server, viewer);
    const answer = await page.goto('/keys/agent');
    expect(answer?.status()).toBe(403);
    await open(page, '/keys/agent');
    await expect(page.getByText('View Keys')).toBeVisible();
    await expect(page.getByText('nightly-build')).toHaveCount(0);
    await expect(page.getByRole('link', { name: 'API Keys' })).toHaveCount(0);
    await axe(page, 'a page that one may not see');
    await fitsWidth(page);
  });
});

test.describe('a list', () => {
  test.use({ refusals: [503, 'net::ERR_INTERNET_DISCONNECTED'] });

  test('that can not be read says so, and is read when tried again', async ({ page, server, platformKey }) => {
    await server.addKey(platformKey, 'nightly-build');
    await server.addKey(platformKey, 'weekly-build');
    await open(page, '/keys/client');
    await page.route('**/fn/keys/*', (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await expect(page.getByRole('alert')).toContainText("Latchkey can't reach its database right now.");
    await axe(page, 'a list that could not be opened');
    await page.unrouteAll();
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(row(page, 'nightly-build')).toBeVisible();
    await expect(page.getByRole('alert')).toHaveCount(0);

    await page.route('**/fn/keys/*', (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
    await page.getByRole('searchbox').fill('nightly');
    await expect(page.getByRole('alert')).toBeVisible();
    await axe(page, 'a search that failed');
    await fitsWidth(page);
    await page.unrouteAll();
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByRole('alert')).toHaveCount(0);
    await expect(row(page, 'weekly-build')).toHaveCount(0);
    await expect(row(page, 'nightly-build')).toBeVisible();
  });

  test('that is on its way says so', async ({ page, server, owner }) => {
    server.addManyKeys(owner, 300);
    let answer = () => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    await open(page, '/keys/client');
    await page.route('**/fn/keys/*', async (route) => {
      await answered;
      await route.fallback();
    });
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await expect(page.getByRole('status', { name: 'Loading' })).toBeVisible();
    await axe(page, 'a list that is on its way');
    answer();
    await expect(row(page, 'key 000001')).toBeVisible();
    await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0);

    server.sql(`update api_keys set deleted_at = 1, unique_name = null where name between 'key 000280' and 'key 000298'`);
    const list = page.getByRole('region', { name: 'Agent API Key' });
    await list.evaluate((list) => (list.scrollTop = list.scrollHeight));
    await expect(row(page, 'key 000300')).toBeVisible();
    await expect(page.getByRole('cell', { name: 'Deleted' }).first()).toBeVisible();
    await axe(page, 'a list with rows that were deleted since');
  });

  test('keeps its search and its order in the address', { tag: '@once' }, async ({ page, server, platformKey }) => {
    for (const name of ['b', 'ab', 'abc', 'c']) {
      await server.addKey(platformKey, name);
    }
    const names = () => page.getByRole('row').evaluateAll((all) => all.slice(1).map((one) => one.getAttribute('aria-label')));
    const search = page.getByRole('searchbox');
    await open(page, '/keys/agent');
    await search.fill('b');
    await expect.poll(names).toEqual(['abc', 'ab', 'b']);
    await page.getByRole('columnheader', { name: 'Key Name' }).getByRole('button').click();
    await expect.poll(names).toEqual(['ab', 'abc', 'b']);
    await page.reload();
    await live(page);
    await expect(search).toHaveValue('b');
    await expect(page.getByRole('columnheader', { name: 'Key Name' })).toHaveAttribute('aria-sort', 'ascending');
    expect(await names(), 'after a reload').toEqual(['ab', 'abc', 'b']);
    await page.goBack();
    await expect.poll(names, 'one step back').toEqual(['abc', 'ab', 'b']);
    await expect(search).toHaveValue('b');
    await page.goForward();
    await expect.poll(names, 'and forth').toEqual(['ab', 'abc', 'b']);
  });

  test('that can not be reached stays, and says so', { tag: '@once' }, async ({ page, context, server, platformKey }) => {
    await server.addKey(platformKey, 'nightly-build');
    await open(page, '/keys/agent');
    await context.setOffline(true);
    await page.getByRole('button', { name: 'Reload' }).click();
    await expect(page.getByRole('alert')).toContainText("Latchkey can't be reached.");
    await expect(row(page, 'nightly-build'), 'what is there stays').toBeVisible();
    await context.setOffline(false);
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByRole('alert')).toHaveCount(0);
  });
});

test.describe('a key', () => {
  test('that has expired says so, and what to do', async ({ page, server, platformKey }) => {
    const { key, secret } = await server.addKey(platformKey, 'nightly-build');
    server.sql(`update api_keys set expires_at = ${Date.now() - 1000} where id = '${key.id}'`);
    await open(page, '/keys/agent');
    await expect(row(page, 'nightly-build').getByText('Expired', { exact: true })).toBeVisible();
    await expect(row(page, 'nightly-build').getByText('Create a new key')).toBeVisible();
    await axe(page, 'an expired key');
    expect(await server.verify(platformKey, secret)).toMatchObject({ valid: false, code: 'EXPIRED' });
  });

  test('with the longest name fits everywhere', { tag: '@widths' }, async ({ page, owner: _ }) => {
    const name = 'W'.repeat(100);
    await open(page, '/keys/agent');
    await createKey(page, name);
    await fitsWidth(page);
    await axe(page, 'the pop-up with a long name');
    await copyAndClose(page);
    await fitsWidth(page);
    await axe(page, 'the list with a long name');
    await page.getByRole('searchbox').fill(name);
    await row(page, name).getByRole('button', { name: 'Delete' }).click();
    await fitsWidth(page);
    await expect(page.getByRole('alertdialog').getByRole('button', { name: 'Delete' })).toBeInViewport({ ratio: 0.99 });
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(row(page, name)).toHaveCount(0);
    await fitsWidth(page);
    await axe(page, 'no match of a long name');
    await page.reload();
    await live(page);
    await fitsWidth(page);
  });
});
