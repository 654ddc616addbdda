// Every kind's life in the page, as the policy table says it should go. policies.json is that table; an integration test holds the two
// together, so a kind that is added there and not here fails.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { copyAndClose, expect, open, row, test } from './fixtures';

interface Policy {
  kind: string;
  label: string;
  page: string | null;
  button: string | null;
  menu: string | null;
  prefix: string | null;
  /** How many characters stay readable at both ends; null for none. */
  mask: [number, number] | null;
  revealed: 'row' | 'pop-up' | 'holder' | 'never';
  expires: boolean;
  /** Whether rate limits, credits and addresses can be set. */
  limited: boolean;
  unique: 'nothing' | 'name' | 'provider';
  edited: string[];
}

const policies: Policy[] = JSON.parse(readFileSync('policies.json', 'utf8'));

/** What is typed into the dialog besides the name, and the label of the name. */
const dialogs: Record<string, { name: string; save: string; fill: (page: Page) => Promise<unknown>; secret?: string }> = {
  platform: { name: 'Name', save: 'Submit', fill: (page) => page.getByLabel('Duration').selectOption('30 days') },
  storage: {
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
  llm: {
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
  await expect(page.getByRole('dialog').locator('summary', { hasText: 'Limits' })).toHaveCount(policy.limited ? 1 : 0);
  await page.getByRole('button', { name: save, exact: true }).click();
}

/** The new secret, wherever this kind shows it; it is copied, and the pop-up closed. */
async function reveal(page: Page, policy: Policy, name: string): Promise<string> {
  const shown = policy.revealed === 'row' ? row(page, name) : page.getByRole('dialog');
  const secret = (await shown.getByRole('textbox', { name: 'Secret key' }).textContent()) ?? '';
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

async function choose(page: Page, name: string, item: string): Promise<void> {
  await row(page, name).getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: item, exact: true }).click();
}

// A second one of what must be unique.
test.use({ refusals: [409] });

const masked = ({ mask }: Policy, secret: string): string => (mask ? `${secret.slice(0, mask[0])}…${secret.slice(-mask[1])}` : '…');

for (const policy of policies.filter((each) => each.page)) {
  test(`the life of a key: ${policy.kind}`, { tag: '@once' }, async ({ page, server, platformKey, owner }) => {
    test.setTimeout(120_000);
    expect(owner.name).toBeTruthy();
    await server.api(platformKey, '/corpora', { name: 'handbook' });
    const name = `the ${policy.kind} one`;
    const made = row(page, name);
    const inbound = policy.prefix !== null;
    await open(page, policy.page ?? '');
    await expect(page.getByRole('tab', { name: policy.label, exact: true, selected: true })).toBeVisible();

    await create(page, policy, name);
    let secret = inbound ? await reveal(page, policy, name) : (dialogs[policy.kind].secret ?? '');
    const code = async (key: string) => (await server.verify(platformKey, key)).code;
    // A reload that came before the answer would lose it.
    await expect(made).toBeVisible();
    await page.reload();
    await expect(made).toBeVisible();
    if (policy.mask) {
      await expect(made).toContainText(masked(policy, secret));
    }
    expect(await page.content(), 'the secret, afterwards').not.toContain(secret);
    if (inbound) {
      expect(await code(secret)).toBe('VALID');
    }
    await expect(page.getByRole('columnheader', { name: /^Expire/ })).toHaveCount(policy.expires ? 1 : 0);
    await expect(page.getByRole('columnheader', { name: 'Limits' })).toHaveCount(policy.limited ? 1 : 0);

    // A second one of that name, or of that provider.
    await create(page, policy, name.toUpperCase());
    if (policy.unique === 'nothing') {
      await reveal(page, policy, name.toUpperCase());
      await expect(row(page, name.toUpperCase())).toBeVisible();
    } else {
      await expect(page.getByRole('dialog').locator('[aria-invalid]')).toHaveCount(1);
      await page.getByRole('button', { name: 'Cancel' }).click();
    }

    await expect(made.getByRole('button', { name: 'Edit' })).toHaveCount(policy.edited.length ? 1 : 0);
    if (policy.edited.length) {
      await made.getByRole('button', { name: 'Edit' }).click();
      await page.getByLabel(dialogs[policy.kind].name, { exact: true }).fill(`${name}, renamed`);
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await expect(row(page, `${name}, renamed`)).toBeVisible();
    }
    const now = policy.edited.length ? `${name}, renamed` : name;

    if (inbound) {
      await choose(page, now, 'Disable');
      await expect(row(page, now).getByText('Disabled', { exact: true })).toBeVisible();
      expect(await code(secret)).toBe('DISABLED');
      await choose(page, now, 'Enable');
      await expect(row(page, now).getByText('Active', { exact: true })).toBeVisible();
      expect(await code(secret)).toBe('VALID');

      await choose(page, now, 'Rotate…');
      await page.getByRole('button', { name: 'Rotate', exact: true }).click();
      const before = secret;
      secret = await reveal(page, policy, now);
      expect([await code(before), await code(secret)]).toEqual(['NOT_FOUND', 'VALID']);
    }

    await row(page, now).getByRole('checkbox', { name: `Select ${now}` }).check();
    await page.getByRole('button', { name: 'Delete', exact: true }).first().click();
    const question = page.getByRole('alertdialog');
    await question.getByRole('button', { name: 'Cancel' }).click();
    await expect(row(page, now)).toBeVisible();
    await page.getByRole('button', { name: 'Delete', exact: true }).first().click();
    await question.getByRole('button', { name: 'Delete' }).click();
    await expect(row(page, now)).toHaveCount(0);
    if (inbound) {
      expect(await code(secret)).toBe('NOT_FOUND');
    }
  });
}
