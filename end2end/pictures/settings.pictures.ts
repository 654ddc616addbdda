// The settings.

import type { Locator, Page } from '@playwright/test';
import { call, open, row } from '../fixtures';
import { expect, pageStates, pictures, test } from './pictures';

for (const page of ['providers', 'services', 'corpora', 'members', 'roles', 'audit']) {
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

pictures('services', () => {
  test.beforeEach(async ({ page, enter }) => {
    await enter('typical');
    await open(page, '/settings/services');
  });

  test('add', async ({ page, take }) => {
    await page.getByRole('button', { name: 'Add service' }).click();
    const dialog = page.getByRole('dialog');
    await take('add');
    await dialog.getByRole('button', { name: 'Add service' }).click();
    await expect(dialog.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
    await take('add, invalid');
  });

  test('add, with callers and limits', async ({ page, take }) => {
    await page.getByRole('button', { name: 'Add service' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Authentication').selectOption('AWS Signature Version 4');
    for (const kind of ['Client keys', 'Agent keys', 'Internal keys', 'Project keys']) {
      await dialog.getByRole('checkbox', { name: kind }).check();
    }
    await dialog.getByText('Limits', { exact: true }).click();
    await take('add, with callers and limits');
  });

  test('dialogs of one', async ({ page, take }) => {
    const github = page.getByRole('article', { name: 'github', exact: true });
    await github.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Base URL').fill('https://github.example.com/api/v3');
    await expect(page.getByText(/^Saving unlinks the key/)).toBeVisible();
    await take('edit, another base URL');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await github.getByRole('button', { name: 'Delete' }).click();
    await take('delete');
  });

  test('search', async ({ page, enter, take }) => {
    await enter('full');
    await open(page, '/settings/services');
    await page.getByRole('searchbox').fill('nothing like it');
    await expect(page.getByText('No services match “nothing like it”.')).toBeVisible();
    await take('no match');
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

pictures('corpus', () => {
  const DOCUMENTS = [
    { id: 'handbook/passwords.md', title: 'Passwords', sections: ['Reset a forgotten password on the sign-in page.', 'Use at least twelve characters.'] },
    { id: 'handbook/travel.md', title: 'Travel expenses', sections: ['Submit receipts within thirty days.', 'Trains are booked by the office.'] },
    { id: 'handbook/onboarding.md', title: 'Your first week', sections: ['Your manager resets the password of your first account.'] },
    { id: 'imprint.html', sections: ['Northwind Labs, Harbour Street 4'] },
  ];

  test('empty', async ({ page, enter, server, take }) => {
    await enter('scratch');
    const { id } = await call(page, server, 'corpora/create', { name: 'Field notes' });
    await open(page, `/settings/corpora/${id}`);
    await take('empty', { full: true });
    await page.getByRole('button', { name: 'Upload documents' }).click();
    await take('upload');
    await page.getByLabel('Files', { exact: true }).setInputFiles([{ name: 'report.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF') }]);
    await page.getByRole('dialog').getByRole('button', { name: 'Upload', exact: true }).click();
    await expect(page.getByText('1 of 1 file could not be added.')).toBeVisible();
    await take('upload, failed');
  });

  test('typical', async ({ page, enter, server, take }) => {
    await enter('scratch');
    const { id } = await call(page, server, 'corpora/create', { name: 'Staff handbook' });
    const content = DOCUMENTS.map((document) => JSON.stringify(document)).join('\n');
    await call(page, server, 'corpora/upload', { id, name: 'handbook.jsonl', content });
    await open(page, `/settings/corpora/${id}`);
    await take('typical', { full: true });
    await page.getByRole('searchbox').fill('How do I reset my password?');
    await expect(page.getByRole('list', { name: 'Results' })).toBeVisible();
    await take('results', { full: true });
    await row(page, 'imprint.html').getByRole('button', { name: 'Delete' }).click();
    await take('delete');
  });

  test('upstream', async ({ page, enter, server, take }) => {
    await enter('scratch');
    const { id } = await call(page, server, 'corpora/create', { name: 'Vectara corpus' });
    await open(page, `/settings/corpora/${id}`);
    await page.getByRole('button', { name: 'Use an upstream' }).click();
    await take('use upstream');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await take('use upstream, invalid');
    const request = { base_url: 'https://api.vectara.io', customer_id: '1234567890', corpus_id: '3' };
    await call(page, server, 'corpora/set-upstream', { id, request });
    await open(page, `/settings/corpora/${id}`);
    await take('upstream', { full: true });
    await page.getByRole('button', { name: 'Remove upstream' }).click();
    await take('remove upstream');
  });

  test('not found', async ({ page, enter, take }) => {
    await enter('typical');
    await open(page, '/settings/corpora/999999');
    await take('not found');
  });
});
