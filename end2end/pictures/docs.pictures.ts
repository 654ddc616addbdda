// The documentation, which needs no account.

import { expect, pictures, test } from './pictures';

const PAGES = ['', '/getting-started', '/api', '/configuration', '/operating', '/security'];

pictures('docs', () => {
  for (const path of PAGES) {
    const state = path.slice(1) || 'start';
    test(state, async ({ page, take }) => {
      await take(state, { prepare: () => page.goto(`/docs${path}`) });
    });
  }

  test('search', async ({ page, take }) => {
    await page.goto('/docs');
    await page.getByRole('searchbox').fill('backup');
    await expect(page.getByText(/^\d+ results?$/)).toBeAttached();
    await take('search');
  });

  test('not found', async ({ page, take }) => {
    await page.goto('/docs/no-such-page');
    await take('not found');
  });
});
