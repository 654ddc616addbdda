// All actions with the keyboard only, and a visible focus at every step.

import type { Locator, Page } from '@playwright/test';
import { expect, open, row, secret, test } from './fixtures';

/** Expects an outline at the focused element. */
async function expectFocusOutline(page: Page): Promise<void> {
  const outline = await page.evaluate(() => {
    const element = document.activeElement ?? document.body;
    const style = getComputedStyle(element);
    const isVisible = element.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    return isVisible ? 'visible' : `${element.outerHTML.slice(0, 200)} has the outline ${style.outline}`;
  });
  expect(outline, 'the focus outline').toBe('visible');
}

/** Waits until an element has the focus, and checks its outline. */
async function expectFocus(target: Locator): Promise<void> {
  await expect(target).toBeFocused();
  await expectFocusOutline(target.page());
}

/** Moves the focus to an element with Tab, and checks the outline at each stop. */
async function tabTo(target: Locator, key = 'Tab'): Promise<void> {
  const page = target.page();
  for (let stops = 0; stops < 40; stops += 1) {
    await page.keyboard.press(key);
    const inPage = await page.evaluate(() => document.activeElement !== document.body);
    if (inPage) {
      await expectFocusOutline(page);
    }
    if (await target.evaluate((element) => element === document.activeElement)) {
      return;
    }
  }
  await expect(target, `reached with ${key}`).toBeFocused();
}

test.describe('with the keyboard', { tag: '@once' }, () => {
  test('a key is created, copied, renamed and deleted', async ({ page, context, server, internalKey, owner }) => {
    const press = (key: string) => page.keyboard.press(key);
    const create = page.getByRole('button', { name: 'Create API Key' });
    const field = page.getByLabel('API Key Name');
    const search = page.getByRole('searchbox', { name: 'Search' });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await server.addKey(internalKey, 'other');
    await open(page, '/keys/agent');

    await press('Tab');
    await expectFocus(page.getByRole('link', { name: 'Skip to content' }));
    await press('Enter');
    await tabTo(create);
    await press('Enter');
    await expectFocus(page.getByRole('menuitem', { name: 'Agent API Key' }));
    await press('Enter');
    await expectFocus(field);
    await press('Escape');
    await expectFocus(create);

    await press('ArrowDown');
    await press('Enter');
    await expectFocus(field);
    await page.keyboard.type('nightly-build');
    await press('Enter');
    await expect(secret(page)).toBeVisible();
    await expectFocusOutline(page);
    const key = await secret(page).textContent();
    await tabTo(page.getByRole('dialog').getByRole('button', { name: 'Copy' }));
    await press('Enter');
    await expect(page.getByText('Copied', { exact: true })).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key);
    await press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await expectFocus(create);

    await press('/');
    await expectFocus(search);
    await expect(search).toHaveValue('');
    await page.keyboard.type('nightly');
    await expect(row(page, 'other')).toHaveCount(0);
    const edit = (name: string) => row(page, name).getByRole('button', { name: 'Edit' });
    await tabTo(edit('nightly-build'));
    await press('Enter');
    await expectFocus(field);
    await press('Control+a');
    await page.keyboard.type('nightly-2');
    await press('Enter');
    await expect(row(page, 'nightly-2')).toBeVisible();
    await expectFocus(edit('nightly-2'));

    const remove = row(page, 'nightly-2').getByRole('button', { name: 'Delete' });
    const confirmation = page.getByRole('alertdialog');
    await tabTo(remove);
    await press('Enter');
    await expectFocus(confirmation.getByRole('button', { name: 'Cancel' }));
    await press('Enter');
    await expectFocus(remove);
    await press('Enter');
    await expectFocus(confirmation.getByRole('button', { name: 'Cancel' }));
    await tabTo(confirmation.getByRole('button', { name: 'Delete' }));
    await press('Enter');
    await expect(row(page, 'nightly-2')).toHaveCount(0);
    await expect(confirmation).toHaveCount(0);
    await expect(page.locator('body'), 'the focus is not lost').not.toBeFocused();
    await expectFocusOutline(page);

    await tabTo(page.getByRole('button', { name: owner.name }));
    await press('Enter');
    await press('End');
    await expectFocus(page.getByRole('menuitem', { name: 'Sign out' }));
    await press('Enter');
    await expect(page).toHaveURL('/sign-in');
    await expectFocus(page.getByLabel('Email'));
  });

  test('deleting a row moves the focus to the next row', async ({ page, server, internalKey }) => {
    for (const name of ['one', 'two', 'three']) {
      await server.addKey(internalKey, name);
    }
    await open(page, '/keys/agent?sort=name');
    await row(page, 'three').getByRole('button', { name: 'Delete' }).focus();
    await page.keyboard.press('Enter');
    await tabTo(page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }));
    await page.keyboard.press('Enter');
    await expect(row(page, 'three')).toHaveCount(0);
    await expectFocus(row(page, 'two').getByRole('button', { name: 'Delete' }));
  });

  test('the pop-up stays open until the secret is copied', async ({ page, owner: _ }) => {
    await open(page, '/keys/agent');
    await page.getByRole('button', { name: 'Create API Key' }).focus();
    for (const key of ['Enter', 'Enter']) {
      await page.keyboard.press(key);
    }
    await expect(page.getByLabel('API Key Name')).toBeFocused();
    await page.keyboard.type('nightly-build');
    await page.keyboard.press('Enter');
    await expect(secret(page)).toBeVisible();
    await page.keyboard.press('Escape');
    await tabTo(page.getByRole('button', { name: 'Keep open' }));
    await page.keyboard.press('Enter');
    await expect(secret(page)).toBeVisible();
    await expect(page.locator('body')).not.toBeFocused();
    await page.keyboard.press('/');
    await expect(page.getByRole('searchbox', { name: 'Search' })).not.toBeFocused();
  });

  test('menus support arrow keys, Escape and Tab', async ({ page, owner }) => {
    await open(page, '/keys/agent');
    const opener = page.getByRole('button', { name: owner.name });
    const item = (name: string) => page.getByRole('menuitem', { name });
    await opener.focus();
    await page.keyboard.press('ArrowDown');
    await expect(opener).toHaveAttribute('aria-expanded', 'true');
    for (const [key, name] of [
      ['', 'Profile'],
      ['ArrowDown', 'Billing'],
      ['ArrowDown', 'API Keys'],
      ['ArrowDown', 'API reference'],
      ['ArrowDown', 'Sign out'],
      ['ArrowDown', 'Profile'],
      ['ArrowUp', 'Sign out'],
      ['Home', 'Profile'],
      ['End', 'Sign out'],
    ]) {
      if (key) {
        await page.keyboard.press(key);
      }
      await expectFocus(item(name));
    }
    await page.keyboard.press('Escape');
    await expect(page.getByRole('menu')).toHaveCount(0);
    await expectFocus(opener);
    await page.keyboard.press('Enter');
    await expectFocus(item('Profile'));
    await page.keyboard.press('Tab');
    await expect(page.getByRole('menu')).toHaveCount(0);
    await expect(opener).toHaveAttribute('aria-expanded', 'false');
    await page.mouse.click(600, 400);
    await opener.click();
    await expect(page.getByRole('menu')).toBeVisible();
    await page.mouse.click(600, 400);
    await expect(page.getByRole('menu')).toHaveCount(0);
  });

  test('column headers sort and the list scrolls', async ({ page, server, owner }) => {
    server.addManyKeys(owner, 300);
    await open(page, '/keys/agent');
    const heading = page.getByRole('columnheader', { name: 'Key Name' });
    await tabTo(heading.getByRole('button'));
    await page.keyboard.press('Enter');
    await expect(heading).toHaveAttribute('aria-sort', 'ascending');
    await expectFocus(heading.getByRole('button'));
    await tabTo(page.getByRole('region', { name: 'Agent API Key' }), 'Shift+Tab');
    await page.keyboard.press('End');
    await expect(row(page, 'key 000300')).toBeInViewport({ ratio: 0.99 });
    await page.keyboard.press('PageUp');
    await expect(row(page, 'key 000300')).not.toBeInViewport();
    await page.keyboard.press('Home');
    await expect(row(page, 'key 000001')).toBeInViewport({ ratio: 0.99 });
  });
});
