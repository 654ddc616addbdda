// The secret is shown once, so the pop-up does not let it get lost.

import { arrived, copyAndClose, createKey, expect, live, open, secret, test } from './fixtures';

test.describe('the pop-up with a new secret', { tag: '@once' }, () => {
  let key: string;

  test.beforeEach(async ({ page, owner: _ }) => {
    await open(page, '/keys/client');
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await arrived(page, '/keys/agent');
    key = await createKey(page, 'nightly-build');
  });

  test('asks before it closes, until the secret was copied', async ({ page }) => {
    const asks = page.getByRole('alert').filter({ hasText: 'haven’t copied' });
    const stays = async () => {
      await expect(asks).toBeVisible();
      await expect(secret(page)).toHaveText(key);
      await page.getByRole('button', { name: 'Keep open' }).click();
      await expect(asks).toHaveCount(0);
    };

    for (let presses = 0; presses < 5; presses += 1) {
      await page.keyboard.press('Escape');
    }
    await stays();
    await page.mouse.click(4, 4);
    await stays();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await stays();
    await page.goBack();
    await expect(secret(page), 'after a step back in the history').toHaveText(key);

    await copyAndClose(page);
    await expect(page.getByText(key)).toHaveCount(0);
  });

  test('closes without a copy for those who insist', async ({ page }) => {
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Close without copying' }).click();
    await expect(page.getByRole('dialog')).toHaveCount(0);
    expect(await page.content()).not.toContain(key);
  });

  test('makes the browser ask before the page is left, until the secret was copied', async ({ page }) => {
    const question = page.waitForEvent('dialog');
    await page.evaluate(() => setTimeout(() => location.reload()));
    expect((await question).type()).toBe('beforeunload');
    await (await question).dismiss();
    await expect(secret(page)).toHaveText(key);

    await copyAndClose(page);
    page.on('dialog', () => expect(true, 'nothing is asked once it was copied').toBe(false));
    await page.reload();
    await live(page);
  });

  test('takes a copy by hand as a copy', async ({ page }) => {
    await secret(page).click({ clickCount: 3 });
    await page.keyboard.press('Control+c');
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });

  test('marks the secret where the browser refuses to copy', async ({ page }) => {
    // As on a page that came over plain HTTP from another machine.
    await page.evaluate(() => Reflect.deleteProperty(Navigator.prototype, 'clipboard'));
    await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).click();
    await expect(page.getByText('press Ctrl+C')).toBeVisible();
    expect(await page.evaluate(() => getSelection()?.toString())).toBe(key);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('button', { name: 'Close without copying' })).toBeVisible();
  });
});
