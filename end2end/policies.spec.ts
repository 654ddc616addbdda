// The life cycle of a key of each kind in the page, as the table of kinds in policies.json specifies it. An integration test compares the
// file with the table of the product, so that no kind is missing here.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { copyAndClose, expect, mockCredentialTest, open, row, test } from './fixtures';

interface Policy {
  kind: string;
  label: string;
  page: string | null;
  button: string | null;
  menu: string | null;
  prefix: string | null;
  /** Number of visible characters at the start and the end; null for none. */
  mask: [number, number] | null;
  revealed: 'row' | 'pop-up' | 'holder' | 'never';
  expires: boolean;
  /** Whether rate limits and credits can be set. */
  limited: boolean;
  /** Whether limits per address and allowed origins can be set, instead of allowed addresses. */
  public: boolean;
  unique: 'nothing' | 'name' | 'provider';
  edited: string[];
}

const policies: Policy[] = JSON.parse(readFileSync('policies.json', 'utf8'));

/** For each kind: labels of the name field and the submit button, and values of the other fields. */
const dialogs: Record<string, { name: string; save: string; fill: (page: Page) => Promise<unknown>; secret?: string }> = {
  internal: { name: 'Name', save: 'Submit', fill: (page) => page.getByLabel('Duration').selectOption('30 days') },
  external: {
    name: 'Label',
    save: 'Submit',
    secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    fill: async (page) => {
      await page.getByLabel('Provider').selectOption('Amazon Web Services');
      await page.getByLabel('Key', { exact: true }).fill('AKIAIOSFODNN7EXAMPLE');
      await page.getByLabel('Secret', { exact: true }).fill('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY');
      await page.getByLabel('Region').fill('eu-central-1');
      await page.getByLabel('Duration').selectOption('90 days');
    },
  },
  client: { name: 'Name', save: 'Submit', fill: (page) => page.getByLabel('Scopes').fill('read write') },
  corpus: {
    name: 'Name',
    save: 'Submit',
    fill: async (page) => {
      await page.getByLabel('API access').selectOption('QueryService & IndexService');
      await page.getByRole('checkbox', { name: /handbook/ }).check();
    },
  },
  general: {
    name: 'API Key Name',
    save: 'Save',
    secret: 'sk-proj-0123456789abcdef',
    fill: (page) => page.getByLabel('API Key Value').fill('sk-proj-0123456789abcdef'),
  },
  agent: { name: 'API Key Name', save: 'Save', fill: async () => {} },
};

async function create(page: Page, policy: Policy, name: string): Promise<void> {
  const { name: label, save, fill } = dialogs[policy.kind];
  await page.getByRole('button', { name: policy.button ?? policy.menu ?? '', exact: true }).click();
  if (policy.menu) {
    await page.getByRole('menuitem', { name: policy.label }).click();
  }
  await page.getByLabel(label, { exact: true }).fill(name);
  await fill(page);
  const limits = page.getByRole('dialog').locator('summary', { hasText: 'rate limits' });
  await expect(limits).toHaveCount(policy.limited ? 1 : 0);
  if (policy.limited) {
    await expect(limits).toContainText(policy.public ? 'allowed origins' : 'allowed addresses');
  }
  await page.getByRole('button', { name: save, exact: true }).click();
}

/** Copies the new secret in its row or pop-up, and closes the pop-up. Returns the secret. */
async function copySecret(page: Page, policy: Policy, name: string): Promise<string> {
  const container = policy.revealed === 'row' ? row(page, name) : page.getByRole('dialog');
  const secret = (await container.getByRole('textbox', { name: 'Secret key' }).textContent()) ?? '';
  expect(secret).toMatch(new RegExp(`^${policy.prefix}[0-9A-Za-z]{49}$`));
  if (policy.revealed === 'row') {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await row(page, name).getByRole('button', { name: 'Copy' }).click();
    await expect(row(page, name).getByText('Copied', { exact: true })).toBeVisible();
  } else {
    await copyAndClose(page);
  }
  return secret;
}

async function chooseAction(page: Page, name: string, action: string): Promise<void> {
  await row(page, name).getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: action, exact: true }).click();
}

// Duplicates of unique values.
test.use({ expectedErrors: [409] });

const masked = ({ mask }: Policy, secret: string): string => (mask ? `${secret.slice(0, mask[0])}…${secret.slice(-mask[1])}` : '…');

for (const policy of policies.filter((each) => each.page)) {
  test(`life cycle of a key: ${policy.kind}`, { tag: '@once' }, async ({ page, server, internalKey, owner }) => {
    test.setTimeout(120_000);
    expect(owner.name).toBeTruthy();
    await server.api(internalKey, '/corpora', { name: 'handbook' });
    const name = `my ${policy.kind} key`;
    const keyRow = row(page, name);
    const inbound = policy.prefix !== null;
    await mockCredentialTest(page, 'works');
    await open(page, policy.page ?? '');
    await expect(page.getByRole('tab', { name: policy.label, exact: true, selected: true })).toBeVisible();

    await create(page, policy, name);
    let secret = inbound ? await copySecret(page, policy, name) : (dialogs[policy.kind].secret ?? '');
    const code = async (key: string) => (await server.verify(internalKey, key)).code;
    // The response must arrive before the reload.
    await expect(keyRow).toBeVisible();
    await page.reload();
    await expect(keyRow).toBeVisible();
    if (policy.mask) {
      await expect(keyRow).toContainText(masked(policy, secret));
    }
    expect(await page.content(), 'the secret after a reload').not.toContain(secret);
    if (inbound) {
      expect(await code(secret)).toBe('VALID');
    }
    await expect(page.getByRole('columnheader', { name: /^Expire/ })).toHaveCount(policy.expires ? 1 : 0);
    await expect(page.getByRole('columnheader', { name: 'Limits' })).toHaveCount(policy.limited ? 1 : 0);

    // A second key with the same name or provider.
    await create(page, policy, name.toUpperCase());
    if (policy.unique === 'nothing') {
      await copySecret(page, policy, name.toUpperCase());
      await expect(row(page, name.toUpperCase())).toBeVisible();
    } else {
      await expect(page.getByRole('dialog').locator('[aria-invalid]')).toHaveCount(1);
      await page.getByRole('button', { name: 'Cancel' }).click();
    }

    const isRenamed = policy.edited.includes('name');
    await expect(keyRow.getByRole('button', { name: 'Edit' })).toHaveCount(isRenamed ? 1 : 0);
    if (policy.edited.length && !isRenamed) {
      await chooseAction(page, name, 'Edit');
      await expect(page.getByRole('dialog').getByLabel(dialogs[policy.kind].name, { exact: true })).toHaveCount(0);
      await page.getByLabel('Limit total uses (credits)').check();
      await page.getByLabel('Remaining').fill('1000000');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await expect(keyRow).toContainText('1,000,000 credits');
    }
    if (isRenamed) {
      await keyRow.getByRole('button', { name: 'Edit' }).click();
      await page.getByLabel(dialogs[policy.kind].name, { exact: true }).fill(`${name}, renamed`);
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await expect(row(page, `${name}, renamed`)).toBeVisible();
    }
    const currentName = isRenamed ? `${name}, renamed` : name;

    if (inbound) {
      await chooseAction(page, currentName, 'Disable');
      await expect(row(page, currentName).getByText('Disabled', { exact: true })).toBeVisible();
      expect(await code(secret)).toBe('DISABLED');
      await chooseAction(page, currentName, 'Enable');
      await expect(row(page, currentName).getByText('Active', { exact: true })).toBeVisible();
      expect(await code(secret)).toBe('VALID');

      await chooseAction(page, currentName, 'Rotate…');
      await page.getByLabel('Grace period').selectOption('None (revoke the old secret now)');
      await page.getByRole('button', { name: 'Rotate', exact: true }).click();
      const oldSecret = secret;
      secret = await copySecret(page, policy, currentName);
      expect([await code(oldSecret), await code(secret)]).toEqual(['NOT_FOUND', 'VALID']);
    }

    await row(page, currentName).getByRole('checkbox', { name: `Select ${currentName}` }).check();
    await page.getByRole('button', { name: 'Delete', exact: true }).first().click();
    const confirmation = page.getByRole('alertdialog');
    await confirmation.getByRole('button', { name: 'Cancel' }).click();
    await expect(row(page, currentName)).toBeVisible();
    await page.getByRole('button', { name: 'Delete', exact: true }).first().click();
    await confirmation.getByRole('button', { name: 'Delete' }).click();
    await expect(row(page, currentName)).toHaveCount(0);
    if (inbound) {
      expect(await code(secret)).toBe('NOT_FOUND');
    }
  });
}
