// The overview and the top bar.

import { open } from '../fixtures';
import { expect, pageStates, pictures, test } from './pictures';

pictures('overview', () => pageStates(() => '/overview', { full: true }));

pictures('top-bar', () => {
  test('user menu', async ({ page, enter, take }) => {
    const { owner } = await enter('typical');
    await open(page, '/keys/client');
    await take('user menu', { prepare: () => page.getByRole('button', { name: owner.name }).click() });
  });

  test('keyboard shortcuts', async ({ page, enter, take }) => {
    await enter('typical');
    await open(page, '/keys/client');
    await page.keyboard.press('?');
    await expect(page.getByRole('dialog')).toBeVisible();
    await take('keyboard shortcuts');
  });

  for (const state of ['empty', 'typical', 'full', 'long names'] as const) {
    test(`notifications, ${state}`, async ({ page, enter, take }) => {
      await enter(state);
      // At each width again: they are closed by then, or out of place.
      const prepare = async () => {
        await open(page, '/keys/client');
        await page.getByRole('button', { name: /^Notifications/ }).click();
      };
      await take(`notifications, ${state}`, { prepare });
    });
  }
});
