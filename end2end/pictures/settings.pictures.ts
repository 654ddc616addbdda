// The settings.

import type { Locator, Page } from '@playwright/test';
import { open, row } from '../fixtures';
import { expect, pageStates, pictures, test } from './pictures';

for (const page of ['providers', 'corpora', 'members', 'roles', 'audit']) {
  pictures(page, () => pageStates(() => `/settings/${page}`));
}

async function chooseAction(page: Page, inside: Locator, action: string): Promise<void> {
  await inside.getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: action, exact: true }).click();
}

pictures('providers', () => {
  test.beforeEach(async ({ page, enter }) => {
    await enter('typical');
    await open(page, '/settings/providers');
  });

  test('add', async ({ page, take }) => {
    await page.getByRole('button', { name: 'Add provider' }).click();
    await take('add');
    await page.getByRole('dialog').getByRole('button', { name: 'Add provider' }).click();
    await take('add, invalid');
  });

  test('dialogs of one', async ({ page, take }) => {
    const openai = page.getByRole('article', { name: 'OpenAI', exact: true });
    await openai.getByRole('button', { name: 'Add model' }).click();
    await take('add model');
    await page.keyboard.press('Escape');
    await openai.getByRole('button', { name: 'Edit' }).first().click();
    await take('edit');
    await page.keyboard.press('Escape');
    await openai.getByRole('button', { name: 'Delete' }).first().click();
    await take('delete');
  });
});

pictures('corpora', () => {
  test('dialogs', async ({ page, enter, take }) => {
    await enter('typical');
    await open(page, '/settings/corpora');
    await page.getByRole('button', { name: 'Create corpus' }).click();
    await take('create');
    await page.keyboard.press('Escape');
    await chooseAction(page, row(page, 'Handbook'), 'Delete');
    await take('delete');
  });
});

pictures('members', () => {
  test('invite', async ({ page, enter, take }) => {
    await enter('scratch');
    await open(page, '/settings/members');
    await page.getByRole('button', { name: 'Invite' }).click();
    await take('invite');
    await page.getByLabel('Email').fill('ruth.benedict@example.com');
    await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
    await expect(page.getByRole('textbox', { name: 'Invitation link' })).toBeVisible();
    await take('invitation link');
  });

  test('dialogs of one', async ({ page, enter, take }) => {
    await enter('typical');
    await open(page, '/settings/members');
    const mia = row(page, 'Mia Chen');
    const prepare = async () => {
      await page.keyboard.press('Escape');
      await mia.getByRole('button', { name: 'Actions' }).click();
    };
    await take('menu of a row', { prepare });
    await page.keyboard.press('Escape');
    await chooseAction(page, mia, 'Change role');
    await take('change role');
    await page.keyboard.press('Escape');
    await chooseAction(page, mia, 'Disable');
    await page.getByLabel('Transfer their keys').check();
    await take('disable');
  });
});

pictures('roles', () => {
  test('dialogs', async ({ page, enter, take }) => {
    await enter('typical');
    await open(page, '/settings/roles');
    await page.getByRole('button', { name: 'Create role' }).click();
    await take('create');
    await page.keyboard.press('Escape');
    const auditor = page.getByRole('columnheader', { name: 'Auditor', exact: true });
    await chooseAction(page, auditor, 'Edit');
    await take('edit');
    await page.keyboard.press('Escape');
    await chooseAction(page, auditor, 'Delete');
    await take('delete');
  });
});

pictures('organization', () => {
  pageStates(() => '/settings/organization', { states: ['typical', 'long names'] });

  test('changed', async ({ page, enter, take }) => {
    await enter('typical');
    await open(page, '/settings/organization');
    await page.getByLabel('Currency').selectOption('EUR');
    await take('changed');
  });
});

pictures('audit', () => {
  test.beforeEach(async ({ page, enter }) => {
    await enter('typical');
    await open(page, '/settings/audit');
  });

  test('details', async ({ page, take }) => {
    await page.getByRole('button', { name: 'Details' }).first().click();
    await take('details');
  });

  test('filters', async ({ page, take }) => {
    await page.getByLabel('Target').selectOption({ label: 'API keys' });
    await expect(page).toHaveURL(/target=key/);
    await take('filters');
    await page.getByRole('searchbox').fill('nothing like it');
    await expect(page.getByRole('heading', { name: 'No match' })).toBeVisible();
    await take('no match');
  });
});
