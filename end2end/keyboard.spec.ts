// All actions with the keyboard only, and a visible focus at every step.

import type { Locator, Page } from '@playwright/test';
import { axe, expect, open, row, secret, test } from './fixtures';

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
    const item = (name: string) => page.getByRole('menuitem', { name }).or(page.getByRole('menuitemradio', { name }));
    await opener.focus();
    await page.keyboard.press('ArrowDown');
    await expect(opener).toHaveAttribute('aria-expanded', 'true');
    for (const [key, name] of [
      ['', 'Profile'],
      ['ArrowDown', 'Billing'],
      ['ArrowDown', 'API Keys'],
      ['ArrowDown', 'API reference'],
      ['ArrowDown', 'Docs'],
      ['ArrowDown', 'System'],
      ['ArrowDown', 'Light'],
      ['ArrowDown', 'Dark'],
      ['ArrowDown', 'Keyboard shortcuts'],
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
    await expect(page.getByRole('status').getByText('Sorted by Key Name, ascending')).toBeAttached();
    await page.keyboard.press('End');
    await expect(row(page, 'key 000300')).toBeInViewport({ ratio: 0.99 });
    await page.keyboard.press('PageUp');
    await expect(row(page, 'key 000300')).not.toBeInViewport();
    await page.keyboard.press('Home');
    await expect(row(page, 'key 000001')).toBeInViewport({ ratio: 0.99 });
  });

  test('keys move the focus from row to row, and only the current row has tab stops', async ({ page, server, owner }) => {
    server.addManyKeys(owner, 300);
    await open(page, '/keys/agent');
    const key = (number: number) => row(page, `key ${String(number).padStart(6, '0')}`);
    // The first step into the list, from anywhere on the page.
    await page.keyboard.press('j');
    await expectFocus(key(1));
    for (const [press, number] of [
      ['j', 2],
      ['ArrowDown', 3],
      ['k', 2],
      ['ArrowUp', 1],
      ['ArrowUp', 1],
      ['End', 300],
      ['ArrowDown', 300],
      ['Home', 1],
    ] as const) {
      await page.keyboard.press(press);
      await expectFocus(key(number));
      await expect(key(number)).toBeInViewport({ ratio: 0.99 });
    }
    await page.keyboard.press('PageDown');
    await expect(key(1)).not.toBeInViewport();
    await expect(page.locator('[role=row]:focus')).toBeInViewport({ ratio: 0.99 });
    await page.keyboard.press('Home');

    await page.keyboard.press('Tab');
    await expectFocus(page.getByRole('checkbox', { name: 'Select key 000001' }));
    for (const name of ['Edit', 'Delete', 'Actions']) {
      await page.keyboard.press('Tab');
      await expectFocus(key(1).getByRole('button', { name }));
      await expect(key(1).getByRole('button', { name })).toHaveAccessibleDescription('key 000001');
    }
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.closest('[role=table]') ?? null), 'the next stop is outside of the list').toBeNull();
  });

  test('the focus stays in the list while its row is scrolled away', async ({ page, server, owner }) => {
    server.addManyKeys(owner, 300);
    await open(page, '/keys/agent');
    const list = page.getByRole('region', { name: 'Agent API Key' });
    await page.keyboard.press('j');
    await expectFocus(row(page, 'key 000001'));
    await list.evaluate((list) => (list.scrollTop = list.scrollHeight / 2));
    await expect(row(page, 'key 000001')).toHaveCount(0);
    await expectFocus(list);
    await page.keyboard.press('ArrowDown');
    await expectFocus(page.locator('[role=row]:focus'));
    await expect(page.locator('[role=row]:focus')).toBeInViewport({ ratio: 0.99 });
    expect(await list.evaluate((list) => list.scrollTop), 'the list does not jump back').toBeGreaterThan(1_000);
  });

  test('keys select, edit and delete the current row', async ({ page, server, owner }) => {
    server.addManyKeys(owner, 10);
    await open(page, '/keys/agent');
    const first = row(page, 'key 000001');
    const selected = (text: string | RegExp) => page.getByText(text, { exact: true });
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await expect(page.getByRole('checkbox', { name: 'Select key 000001' })).toBeChecked();
    for (const [press, text] of [
      ['Shift+ArrowDown', '2 selected'],
      ['Shift+ArrowDown', '3 selected'],
      ['Shift+ArrowUp', '2 selected'],
      ['Shift+End', /^(All )?10 selected$/],
    ] as const) {
      await page.keyboard.press(press);
      await expect(selected(text)).toBeVisible();
    }
    await page.keyboard.press('Delete');
    await expect(page.getByRole('alertdialog')).toContainText('10');
    await page.keyboard.press('Escape');
    await expect(page.getByRole('alertdialog')).toHaveCount(0);
    await page.keyboard.press('Escape');
    await expect(page.getByText('selected', { exact: false })).toHaveCount(0);

    await page.keyboard.press('Home');
    for (const key of ['Enter', 'e']) {
      await page.keyboard.press(key);
      await expectFocus(page.getByLabel('API Key Name'));
      await page.keyboard.press('Escape');
      await expectFocus(first);
    }
    for (const key of ['Delete', 'Backspace']) {
      await page.keyboard.press(key);
      await expectFocus(page.getByRole('alertdialog').filter({ hasText: 'key 000001' }).getByRole('button', { name: 'Cancel' }));
      await page.keyboard.press('Enter');
      await expectFocus(first);
    }
    await page.keyboard.press('Delete');
    await tabTo(page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }));
    await page.keyboard.press('Enter');
    await expect(first).toHaveCount(0);
    await expectFocus(row(page, 'key 000002'));
  });

  test('shortcuts work everywhere but in text fields and dialogs', async ({ page, server, internalKey }) => {
    await server.addKey(internalKey, 'one');
    const press = async (...keys: string[]) => {
      for (const key of keys) {
        await page.keyboard.press(key);
      }
    };
    const sheet = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await open(page, '/keys/agent');
    await press('c');
    await expectFocus(page.getByRole('menuitem', { name: 'Agent API Key' }));
    await press('Escape');

    await press('?');
    await expect(sheet).toContainText('Next row');
    await expect(sheet).toContainText('API Keys');
    await axe(page, 'the keyboard shortcuts');
    await press('c', 'g', 'p');
    await expect(page.getByRole('menu')).toHaveCount(0);
    await press('Escape');
    await expect(sheet).toHaveCount(0);

    await press('/', 'g', 'p');
    await expect(page.getByRole('searchbox', { name: 'Search' })).toHaveValue('gp');
    await expect(page).toHaveURL('/keys/agent?q=gp');
    await page.getByRole('searchbox', { name: 'Search' }).fill('');
    await page.getByRole('main').focus();
    await press('g', 'p');
    await expect(page).toHaveURL('/projects');
    await press('g', 'k');
    await expect(page).toHaveURL(/\/keys\//);
    await page.getByRole('button', { name: 'Create' }).first().waitFor();
    await press('Control+g', 'p');
    await expect(page, 'not with a modifier').toHaveURL(/\/keys\//);
  });
});
