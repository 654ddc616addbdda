// Providers, their models, and the keys that they are used with.

import type { Locator, Page } from '@playwright/test';
import { admitInstead, axe, expect, fitsWidth, open, row, test } from './fixtures';

/** A provider's card. */
function card(page: Page, name: string): Locator {
  return page.getByRole('article', { name, exact: true });
}

async function storeGeneralKey(page: Page, name: string): Promise<void> {
  const answer = await page.request.post('/fn/credentials/create-general', {
    data: { name, value: 'sk-0123456789abcdef' },
    headers: { origin: new URL(page.url()).origin },
  });
  expect(answer.status()).toBe(200);
}

async function fill(page: Page, title: string, fields: Record<string, string>, key?: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name: title });
  for (const [label, value] of Object.entries(fields)) {
    await dialog.getByLabel(label, { exact: true }).fill(value);
  }
  if (key !== undefined) {
    await dialog.getByLabel('Key', { exact: true }).selectOption({ label: key });
  }
  await dialog.getByRole('button', { name: 'Save' }).click();
}

test.use({ refusals: [403, 422] });

test('a provider is added, linked, moved and deleted', async ({ page, owner }, info) => {
  void owner;
  const picture = async (name: string) => {
    if (process.env.PICTURES) {
      await page.screenshot({ path: `${process.env.PICTURES}/${info.project.name}-${name}.png` });
    }
  };
  await open(page, '/settings/providers');
  await expect(page.getByRole('heading', { name: 'No providers yet' })).toBeVisible();
  await axe(page, 'empty');
  await fitsWidth(page);
  await picture('empty');
  await storeGeneralKey(page, 'Team key');
  await open(page, '/settings/providers');

  await page.getByRole('button', { name: 'Add provider' }).click();
  await fill(page, 'Add provider', { Name: 'OpenAI', Address: 'nonsense' });
  await expect(page.getByText('Enter a URL that begins with https://')).toBeVisible();
  await axe(page, 'dialog');
  await fitsWidth(page);
  await picture('dialog');
  await fill(page, 'Add provider', { Address: 'https://api.openai.com/v1/' }, 'Team key (sk-…def)');
  const openai = card(page, 'OpenAI');
  await expect(openai.getByText('https://api.openai.com/v1', { exact: true })).toBeVisible();
  await expect(openai.getByText('Team key sk-…def')).toBeVisible();

  await openai.getByRole('button', { name: 'Add model' }).click();
  await fill(page, 'Add model to OpenAI', { Name: 'gpt-5' });
  await expect(openai.getByRole('row', { name: 'gpt-5' }).getByText('Provider’s key')).toBeVisible();
  await openai.getByRole('button', { name: 'Add model' }).click();
  await fill(page, 'Add model to OpenAI', { Name: 'text-embedding' }, 'Team key (sk-…def)');
  await expect(openai.getByRole('row', { name: 'text-embedding' }).getByText('Team key')).toBeVisible();
  await axe(page, 'list');
  await fitsWidth(page);
  await picture('list');

  // Another address takes the keys away.
  await openai.getByRole('button', { name: 'Edit' }).first().click();
  await fill(page, 'Edit provider', { Address: 'https://models.example.com/v1' });
  await expect(page.getByText('so these have no key now: OpenAI, text-embedding.')).toBeVisible();
  await expect(openai.getByText('Key unlinked: the address changed. Edit to select one.')).toHaveCount(2);
  await axe(page, 'moved');
  await fitsWidth(page);
  await picture('moved');

  await openai.getByRole('row', { name: 'gpt-5' }).getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await expect(openai.getByRole('row', { name: 'gpt-5' })).toHaveCount(0);
  await openai.getByRole('button', { name: 'Delete' }).first().click();
  const asked = page.getByRole('alertdialog', { name: 'Delete this provider?' });
  await expect(asked.getByText('1 model will be deleted too. The general keys are kept.')).toBeVisible();
  await picture('delete');
  await asked.getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByRole('heading', { name: 'No providers yet' })).toBeVisible();
});

test('a key that is linked says so before it goes, and one that no longer opens says so at once', async ({ page, server, owner }) => {
  void owner;
  await open(page, '/settings/providers');
  await storeGeneralKey(page, 'Team key');
  await open(page, '/settings/providers');
  await page.getByRole('button', { name: 'Add provider' }).click();
  await fill(page, 'Add provider', { Name: 'OpenAI', Address: 'https://api.openai.com/v1' }, 'Team key (sk-…def)');
  await expect(card(page, 'OpenAI').getByText('Team key sk-…def')).toBeVisible();

  await open(page, '/keys/general');
  const key = row(page, 'Team key');
  await expect(key).toContainText('OpenAI');
  server.sql("update sealed_secrets set ciphertext = zeroblob(60) where credential_id in (select id from credentials where name = 'Team key')");
  await page.getByRole('button', { name: 'Reload' }).click();
  await expect(key.getByText('Unreadable')).toBeVisible();
  await axe(page, 'a key that does not open');
  await fitsWidth(page);

  await key.getByRole('button', { name: 'Delete' }).click();
  const asked = page.getByRole('alertdialog');
  await expect(asked).toContainText('It is linked to OpenAI, which will have no key.');
  await axe(page, 'the question');
  await asked.getByRole('button', { name: 'Delete' }).click();
  await expect(key).toHaveCount(0);
  await open(page, '/settings/providers');
  await expect(card(page, 'OpenAI').getByText(/^Key deleted/)).toBeVisible();
});

test('those who may not manage credentials are told so', { tag: '@once' }, async ({ page, server, owner }) => {
  void owner;
  const team = server.addPerson('owner');
  await admitInstead(page, server, server.addPerson('member', team.organization, 'Grace Hopper'));
  await open(page, '/settings/providers');
  await expect(page.getByText('Manage Credentials')).toBeVisible();
});
