// Dialogs with forms: their layout, their errors, and what a stray click must not lose.

import type { Locator, Page } from '@playwright/test';
import { axe, expect, expectFitsWidth, open, openLimits, row, test } from './fixtures';

/** A button of this dialog. */
const buttonOf = (dialog: Locator, name: string) => dialog.getByRole('button', { name, exact: true });
const button = (page: Page, name: string) => page.getByRole('dialog').getByRole('button', { name, exact: true });

/** Opens a list of keys and its dialog for a new one. */
async function openCreateDialog(page: Page, kind: string): Promise<void> {
  await open(page, `/keys/${kind}`);
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
}

test.describe('an error of a field', { tag: '@once' }, () => {
  test('goes when the field is edited', async ({ page, owner: _ }) => {
    await openCreateDialog(page, 'client');
    const [name, metadata] = [page.getByLabel('Name', { exact: true }), page.getByLabel('Metadata')];
    await openLimits(page);
    await metadata.fill('plan');
    await button(page, 'Submit').click();
    await expect(name).toHaveAttribute('aria-invalid', 'true');
    await expect(metadata).toHaveAttribute('aria-invalid', 'true');
    await name.fill('m');
    await expect(name).not.toHaveAttribute('aria-invalid');
    await expect(name).not.toHaveAccessibleDescription(/Enter a name/);
    await expect(metadata, 'is still wrong').toHaveAttribute('aria-invalid', 'true');
  });

  test('goes when the field is replaced', async ({ page, owner: _ }) => {
    await openCreateDialog(page, 'external');
    await button(page, 'Submit').click();
    const key = page.getByLabel('Key', { exact: true });
    await expect(key).toHaveAttribute('aria-invalid', 'true');
    await page.getByLabel('Provider').selectOption('DNAnexus');
    await expect(key).toHaveAccessibleDescription(/API token/);
    await expect(key).not.toHaveAttribute('aria-invalid');
    await page.getByLabel('Provider').selectOption('Amazon Web Services');
    await expect(page.getByLabel('Region')).not.toHaveAttribute('aria-invalid');
    await expect(page.getByLabel('Label'), 'is still empty').toHaveAttribute('aria-invalid', 'true');
  });
});

test.describe('an error of the request', () => {
  test.use({ expectedErrors: ['net::ERR_FAILED'] });

  test('is shown above the fields', { tag: '@widths' }, async ({ page, owner: _ }) => {
    await openCreateDialog(page, 'client');
    await page.getByLabel('Name', { exact: true }).fill('mobile app');
    await page.route('**/fn/keys/create*', (route) => route.abort());
    await button(page, 'Submit').click();
    const alert = page.getByRole('dialog').getByRole('alert');
    await expect(alert).toBeInViewport({ ratio: 1 });
    const top = async (target: typeof alert) => (await target.boundingBox())?.y ?? Number.NaN;
    expect(await top(alert)).toBeLessThan(await top(page.getByRole('dialog').getByLabel('Name', { exact: true })));
    await axe(page, 'a dialog whose request failed');
  });
});

test.describe('a dialog', { tag: '@widths' }, () => {
  test('keeps its heading and its buttons in view', async ({ page, viewport, owner: _ }) => {
    await openCreateDialog(page, 'client');
    await openLimits(page);
    await button(page, 'Add rate limit').click();
    await button(page, 'Add rate limit').click();
    const expectFrameInView = async () => {
      await expect(page.getByRole('heading', { name: 'Create client key' })).toBeInViewport({ ratio: 1 });
      await expect(button(page, 'Close')).toBeInViewport({ ratio: 1 });
      await expect(button(page, 'Submit')).toBeInViewport({ ratio: 1 });
      await expect(button(page, 'Cancel')).toBeInViewport({ ratio: 1 });
    };
    await page.getByLabel('Allowed addresses').scrollIntoViewIfNeeded();
    await expect(page.getByRole('dialog').getByLabel('Name', { exact: true }).first()).not.toBeInViewport();
    await expectFrameInView();
    await page.getByRole('dialog').getByLabel('Name', { exact: true }).first().scrollIntoViewIfNeeded();
    await expect(page.getByLabel('Allowed addresses')).not.toBeInViewport();
    await expectFrameInView();
    await expectFitsWidth(page);
    await axe(page, 'a dialog that scrolls');
    const box = await page.getByRole('dialog').boundingBox();
    if (viewport && viewport.width <= 640) {
      expect(box, 'a sheet at the lower edge').toMatchObject({ x: 0, width: viewport.width });
      expect((box?.y ?? 0) + (box?.height ?? 0)).toBeCloseTo(viewport.height, 0);
    }
  });

  test('keeps what was typed', async ({ page, owner: _ }) => {
    await openCreateDialog(page, 'client');
    await page.mouse.click(4, 4);
    await expect(page.getByRole('dialog'), 'nothing was typed').toHaveCount(0);

    await page.getByRole('button', { name: 'Create', exact: true }).click();
    const name = page.getByRole('dialog').getByLabel('Name', { exact: true });
    const question = page.getByRole('alert').filter({ hasText: 'Discard what you entered?' });
    await name.fill('mobile app');
    await page.mouse.click(4, 4);
    await expect(question).toBeVisible();
    await expect(button(page, 'Keep editing')).toBeFocused();
    await axe(page, 'a question before typed text is lost');
    await button(page, 'Keep editing').click();
    await expect(question).toHaveCount(0);
    await expect(name).toHaveValue('mobile app');
    await expect(page.locator('body')).not.toBeFocused();

    await name.focus();
    await page.keyboard.press('Escape');
    await expect(question).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(question).toBeVisible();
    await page.keyboard.press('Enter');
    await expect(question).toHaveCount(0);
    await expect(name).toBeFocused();
    await expect(name).toHaveValue('mobile app');

    await button(page, 'Close').click();
    await button(page, 'Discard').click();
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await expect(page.getByRole('button', { name: 'Create', exact: true })).toBeFocused();
  });

  test('has option labels that do not overlap', async ({ page, owner: _ }) => {
    await openCreateDialog(page, 'internal');
    const labels = page.getByRole('group', { name: 'Scopes' }).locator('label span, .check-detail');
    const boxes = await labels.evaluateAll((spans) => spans.map((span) => span.getBoundingClientRect()).map(({ top, bottom }) => ({ top, bottom })));
    expect(boxes).toHaveLength(8);
    for (const [index, { top }] of boxes.entries()) {
      expect(top, `label ${index + 1}`).toBeGreaterThanOrEqual(boxes[index - 1]?.bottom ?? 0);
    }
  });

  test('does not cover messages', async ({ page, server, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await open(page, '/keys/agent');
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/fn/keys/bulk*', async (route) => {
      await released;
      await route.continue();
    });
    await row(page, 'nightly-build').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Disable' }).click();
    await page.getByRole('button', { name: 'Create API Key' }).click();
    await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
    await expect(page.getByLabel('API Key Name')).toBeFocused();
    release();
    await expect(page.getByText('Key disabled')).toHaveCount(1);
    await expect(button(page, 'Save')).toBeInViewport({ ratio: 1 });
    // Fails if the dialog covers the message or makes it inert.
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await expect(page.getByText('Key disabled')).toHaveCount(0);
    await expect(page.getByRole('dialog')).toBeVisible();
  });
});

test.describe('a confirmation', { tag: '@once' }, () => {
  test('names the key, and says that it is in use', async ({ page, server, owner, internalKey }) => {
    server.addManyKeys(owner, 1);
    await server.addKey(internalKey, 'nightly-build');
    await open(page, '/keys/agent');
    const confirmation = page.getByRole('alertdialog', { name: 'Delete this key?' });
    await row(page, 'key 000001').getByRole('button', { name: 'Delete' }).click();
    await expect(confirmation.getByRole('listitem')).toHaveText(/^key 000001 ?lka_…0001 · Last used /);
    await expect(confirmation).toContainText('This key was used in the last 24 hours.');
    await expect(buttonOf(confirmation, 'Cancel')).toBeFocused();
    await expect(buttonOf(confirmation, 'Delete')).toBeEnabled();
    await axe(page, 'a confirmation for a key in use');
    await page.keyboard.press('Enter');
    await expect(confirmation).toHaveCount(0);

    await row(page, 'nightly-build').getByRole('button', { name: 'Delete' }).click();
    await expect(confirmation).toContainText('Never used');
    await expect(confirmation).not.toContainText('was used in');
  });

  test('needs the number of keys that are in use or many', async ({ page, server, owner, internalKey }) => {
    for (let index = 0; index < 11; index += 1) {
      await server.addKey(internalKey, `unused ${index}`);
    }
    server.addManyKeys(owner, 2, 'client');
    await open(page, '/keys/agent');
    const [deletion, type] = [page.getByRole('alertdialog'), page.getByLabel(/^Type /)];
    const selectAndDelete = async () => {
      await page.getByRole('group', { name: 'Selected keys' }).getByRole('button', { name: 'Delete' }).click();
      await expect(deletion).toBeVisible();
    };
    await page.getByRole('checkbox', { name: 'Select unused 0', exact: true }).click();
    await page.getByRole('checkbox', { name: 'Select unused 9', exact: true }).click({ modifiers: ['Shift'] });
    await selectAndDelete();
    await expect(deletion.getByText('and 5 more')).toBeVisible();
    await expect(type).toHaveCount(0);
    await page.keyboard.press('Escape');

    await page.getByRole('checkbox', { name: 'Select all' }).click();
    await selectAndDelete();
    await type.fill('10');
    await expect(buttonOf(deletion, 'Delete')).toBeDisabled();
    await type.press('Enter');
    await expect(deletion).toBeVisible();
    await type.fill(' 11 ');
    await type.press('Enter');
    await expect(page.getByText('11 keys deleted.')).toBeVisible();

    await page.getByRole('tab', { name: 'Client' }).click();
    await page.getByRole('checkbox', { name: 'Select all' }).click();
    await selectAndDelete();
    await expect(type).toBeVisible();
    await expect(deletion).toContainText('2 keys were used in the last 24 hours.');
  });
});

test.describe('a message', () => {
  test('can undo the disabling of keys', { tag: '@widths' }, async ({ page, server, internalKey }) => {
    for (const name of ['nightly-build', 'weekly-build']) {
      await server.addKey(internalKey, name);
    }
    await open(page, '/keys/agent');
    const disable = async (name: string) => {
      await row(page, name).getByRole('button', { name: 'Actions' }).click();
      await page.getByRole('menuitem', { name: 'Disable' }).click();
      await expect(row(page, name)).toContainText('Disabled');
    };
    await disable('nightly-build');
    await disable('weekly-build');
    const toast = page.locator('.toast');
    await expect(toast, 'equal messages are one').toHaveCount(1);
    await expect(toast).toContainText('Key disabled ×2');
    await expect(toast).toBeInViewport({ ratio: 1 });
    await axe(page, 'a message with Undo');
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(row(page, 'nightly-build')).toContainText('Active');
    await expect(row(page, 'weekly-build')).toContainText('Active');
  });

  test('stays while it is read', { tag: '@once' }, async ({ page, server, internalKey }) => {
    const { key } = await server.addKey(internalKey, 'nightly-build');
    server.sql(`update api_keys set disabled_at = 1 where id = '${key.id}'`);
    await open(page, '/keys/agent');
    await row(page, 'nightly-build').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Enable' }).click();
    const toast = page.locator('.toast').filter({ hasText: 'Key enabled' });
    await toast.hover();
    // Longer than a message is shown.
    await page.waitForTimeout(7_000);
    await expect(toast).toBeVisible();
    await page.mouse.move(0, 0);
    await expect(toast).toHaveCount(0);
  });
});

test('borders of controls have a contrast of 3:1', async ({ page, server, owner }) => {
  const expectContrast = async (state: string) => {
    const tooLow = await page.evaluate(() => {
      const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
      const rgba = (color: string): number[] => {
        if (!canvas) {
          return [];
        }
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
      };
      const luminance = (color: string) => {
        const [red = 0, green = 0, blue = 0] = rgba(color).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      const background = (element: Element | null): string => {
        const color = element ? getComputedStyle(element).backgroundColor : 'Canvas';
        return element && rgba(color)[3] !== 1 ? background(element.parentElement) : color;
      };
      const contrast = (first: string, second: string) => {
        const [light = 0, dark = 0] = [luminance(first), luminance(second)].sort((a, b) => b - a);
        return (light + 0.05) / (dark + 0.05);
      };
      return [...document.querySelectorAll('input, select, textarea')]
        .filter((control) => control.checkVisibility())
        .map((control) => ({
          name: control.getAttribute('aria-label') ?? control.getAttribute('name') ?? control.outerHTML,
          ratio: contrast(getComputedStyle(control).borderTopColor, background(control.parentElement)),
        }))
        .filter(({ ratio }) => ratio < 3);
    });
    expect(tooLow, state).toEqual([]);
  };
  server.addManyKeys(owner, 3, 'client');
  await open(page, '/keys/client');
  await expect(page.getByRole('checkbox', { name: 'Select all' })).toBeVisible();
  await page.getByRole('checkbox', { name: 'Select key 000002' }).click();
  await expectContrast('the list');
  await openCreateDialog(page, 'internal');
  await page.getByRole('group', { name: 'Scopes' }).getByRole('radio', { name: 'Custom' }).check();
  await expectContrast('the dialog');
});
