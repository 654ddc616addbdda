// Profile and billing.

import { open } from '../fixtures';
import { expect, pageStates, pictures, test } from './pictures';

pictures('profile', () => {
  pageStates(() => '/profile', { full: true });

  for (const button of ['Change name', 'Change password', 'Sign out all others']) {
    const state = button.toLowerCase();
    test(state, async ({ page, enter, take }) => {
      await enter('typical');
      await open(page, '/profile');
      await page.getByRole('button', { name: button }).click();
      await take(state);
    });
  }
});

pictures('billing', () => {
  pageStates(() => '/billing', { full: true });

  test('last month', async ({ page, enter, take }) => {
    await enter('typical');
    const now = new Date();
    const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1)).toISOString().slice(0, 7);
    await take('last month', { prepare: () => open(page, `/billing?month=${month}`), full: true });
  });

  test('value of a day', async ({ page, enter, take }) => {
    await enter('typical');
    await open(page, '/billing');
    await page.getByRole('slider', { name: 'Day' }).focus();
    await expect(page.getByRole('slider', { name: 'Day' })).toBeFocused();
    await take('value of a day');
  });

  test('table of days', async ({ page, enter, take }) => {
    await enter('typical');
    await open(page, '/billing');
    await page.getByText('Show as table').click();
    await expect(page.getByRole('table', { name: 'Requests per day' })).toBeVisible();
    await take('table of days', { full: true });
  });
});
