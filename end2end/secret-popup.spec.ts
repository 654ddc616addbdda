// A secret is shown only once, so the pop-up warns before it is closed.

import { copyAndClose, createKey, expect, open, secret, test, waitForHydration, waitForPage } from './fixtures';

test.describe('the pop-up with a new secret', { tag: '@once' }, () => {
  let key: string;

  test.beforeEach(async ({ page, owner: _ }) => {
    await open(page, '/keys/client');
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await waitForPage(page, '/keys/agent');
    key = await createKey(page, 'nightly-build');
  });

  test('needs confirmation to close until the secret is copied', async ({ page }) => {
    const warning = page.getByRole('alert').filter({ hasText: 'haven’t copied' });
    const expectStaysOpen = async () => {
      await expect(warning).toBeVisible();
      await expect(secret(page)).toHaveText(key);
      await page.getByRole('button', { name: 'Keep open' }).click();
      await expect(warning).toHaveCount(0);
    };

    for (let presses = 0; presses < 5; presses += 1) {
      await page.keyboard.press('Escape');
    }
    await expectStaysOpen();
    await page.mouse.click(4, 4);
    await expectStaysOpen();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await expectStaysOpen();
    await page.goBack();
    await expect(secret(page), 'after going back in the history').toHaveText(key);

    await copyAndClose(page);
    await expect(page.getByText(key)).toHaveCount(0);
  });

  test('closes without copying after confirmation', async ({ page }) => {
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Close without copying' }).click();
    await expect(page.getByRole('dialog')).toHaveCount(0);
    expect(await page.content()).not.toContain(key);
  });

  test('warns before leaving the page until it is copied', async ({ page }) => {
    const dialog = page.waitForEvent('dialog');
    await page.evaluate(() => setTimeout(() => location.reload()));
    expect((await dialog).type()).toBe('beforeunload');
    await (await dialog).dismiss();
    await expect(secret(page)).toHaveText(key);

    await copyAndClose(page);
    page.on('dialog', () => expect(true, 'no dialog after copying').toBe(false));
    await page.reload();
    await waitForHydration(page);
  });

  test('detects copying with Ctrl+C', async ({ page }) => {
    await secret(page).click({ clickCount: 3 });
    await page.keyboard.press('Control+c');
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });

  test('selects the secret if the clipboard is unavailable', async ({ page }) => {
    // As on a page loaded over plain HTTP from another host.
    await page.evaluate(() => Reflect.deleteProperty(Navigator.prototype, 'clipboard'));
    await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).click();
    await expect(page.getByText('press Ctrl+C')).toBeVisible();
    expect(await page.evaluate(() => getSelection()?.toString())).toBe(key);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('button', { name: 'Close without copying' })).toBeVisible();
  });
});
