// Two who do the same thing at once, and one who does it twice.

import { admit, expect, live, open, row, rows, test } from './fixtures';

test.describe('at once', { tag: '@once' }, () => {
  test.use({ refusals: [404, 409] });

  test('two take the same name: one has it, the other is told', async ({ page, stranger, server, owner }) => {
    await admit(stranger.context(), server, owner);
    const both = [page, stranger];
    for (const each of both) {
      await open(each, '/keys/agent');
      await each.getByRole('button', { name: 'Create API Key' }).click();
      await each.getByRole('menuitem', { name: 'Agent API Key' }).click();
      await each.getByLabel('API Key Name').fill('nightly-build');
    }
    await Promise.all(both.map((each) => each.getByRole('button', { name: 'Save' }).click()));

    const shown = both.map((each) => each.getByRole('dialog').getByText(/^lka_\w+$/));
    const refused = both.map((each) => each.getByLabel('API Key Name').and(each.locator('[aria-invalid]')));
    for (const place of [0, 1]) {
      await expect(shown[place].or(refused[place])).toBeVisible();
    }
    const counts = await Promise.all([...shown, ...refused].map((locator) => locator.count()));
    expect(counts[0] + counts[1], 'secrets shown').toBe(1);
    expect(counts[2] + counts[3], 'refusals').toBe(1);

    await open(await page.context().newPage(), '/keys/agent');
    const third = page.context().pages()[1];
    await expect(rows(third)).toHaveCount(1);
  });

  test('two clicks on Save make one key', async ({ page, owner: _ }) => {
    await open(page, '/keys/agent');
    await page.getByRole('button', { name: 'Create API Key' }).click();
    await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
    await page.getByLabel('API Key Name').fill('nightly-build');
    await page.getByRole('button', { name: 'Save' }).dblclick();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await page.getByRole('button', { name: 'Close without copying' }).click();
    await expect(rows(page)).toHaveCount(1);
  });

  test('a key that somebody else has deleted can be deleted all the same', async ({ page, stranger, server, owner, platformKey }) => {
    await server.addKey(platformKey, 'nightly-build');
    await server.addKey(platformKey, 'weekly-build');
    await admit(stranger.context(), server, owner);
    await open(page, '/keys/agent');
    await open(stranger, '/keys/agent');
    const remove = async (by: typeof page, name: string) => {
      await row(by, name).getByRole('button', { name: 'Delete' }).click();
      await by.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
      await expect(row(by, name)).toHaveCount(0);
    };

    await remove(stranger, 'nightly-build');
    await remove(page, 'nightly-build');
    await remove(stranger, 'weekly-build');
    await page.reload();
    await live(page);
    await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
  });

  test('a key that somebody else has deleted can not be renamed, and that is said', async ({ page, server, platformKey }) => {
    const { key } = await server.addKey(platformKey, 'nightly-build');
    await open(page, '/keys/agent');
    await row(page, 'nightly-build').getByRole('button', { name: 'Edit' }).click();
    const answer = await fetch(`${server.url}/api/v1/keys/${key.id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${platformKey}` },
    });
    expect(answer.ok).toBe(true);
    await page.getByLabel('API Key Name').fill('weekly-build');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('alert')).toContainText('Not found. It may have been deleted.');
  });

  test('an answer that comes late does not undo a later search', async ({ page, server, platformKey }) => {
    await server.addKey(platformKey, 'nightly-build');
    await server.addKey(platformKey, 'weekly-build');
    await open(page, '/keys/agent');
    let answer = () => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    await page.route('**/fn/keys/open*', async (route) => {
      const late = route.request().postData()?.includes('"nightly"');
      const response = await route.fetch();
      await (late ? answered : undefined);
      await route.fulfill({ response });
    });
    const search = page.getByRole('searchbox', { name: 'Search' });
    const first = page.waitForRequest('**/fn/keys/open*');
    await search.fill('nightly');
    await first;
    await search.fill('weekly');
    await expect(row(page, 'nightly-build')).toHaveCount(0);
    const late = page.waitForResponse((response) => Boolean(response.request().postData()?.includes('"nightly"')));
    answer();
    await (await late).finished();
    await expect(search).toHaveValue('weekly');
    await expect(row(page, 'weekly-build')).toBeVisible();
    await expect(rows(page)).toHaveCount(1);
  });
});
