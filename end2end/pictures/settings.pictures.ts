// The settings.

import type { Locator, Page } from '@playwright/test';
import { call, open, row } from '../fixtures';
import { expect, pageStates, pictures, test } from './pictures';

for (const page of ['providers', 'services', 'corpora', 'members', 'roles', 'audit']) {
  pictures(page, () => pageStates(() => `/settings/${page}`));
}

const OFFERED = ['gpt-5-nano', 'gpt-5-pro', 'gpt-4.1', 'gpt-4.1-mini', 'o4-mini', 'o3', 'text-embedding-3-small', 'gpt-image-1', 'whisper-1'];

/** An answer in the form of OpenAI's API. */
const ANSWER = [
  { choices: [{ delta: { content: 'Hello! How can I help you today?' } }] },
  { choices: [], usage: { prompt_tokens: 13, completion_tokens: 11 } },
]
  .map((event) => `data: ${JSON.stringify(event)}\n\n`)
  .join('');

/** Calls as the page receives them. */
const CALLS = Array.from({ length: 12 }, (_, index) => {
  const id = (prefix: string) => `${prefix}_${String(index).padStart(32, '0')}`;
  const isRefused = index % 5 === 3;
  return {
    id: id('req'),
    at: Date.now() - index * 97_000,
    organization: id('org'),
    user: id('usr'),
    key: index % 6 === 5 ? null : id('key'),
    key_name: index % 6 === 5 ? '' : ['support-triage', 'nightly-evals', 'docs-search'][index % 3],
    model: ['support', 'gpt-5', 'claude-sonnet-4-5'][index % 3],
    target: isRefused ? '' : ['gpt-5-mini', 'gpt-5', 'claude-sonnet-4-5'][index % 3],
    provider: isRefused ? '' : ['OpenAI', 'OpenAI', 'Anthropic'][index % 3],
    path: index % 3 === 2 ? '/v1/messages' : '/v1/chat/completions',
    is_stream: index % 2 === 0,
    status: isRefused ? 429 : 200,
    code: isRefused ? 'budget_exceeded' : '',
    tokens: isRefused
      ? { input: 0, cached: 0, cache_write: 0, output: 0, reasoning: 0 }
      : { input: 1204 + index * 377, cached: 512, cache_write: 0, output: 80 + index * 31, reasoning: 32 },
    cost: isRefused ? null : `0.00${index + 1}204`,
    usage: isRefused ? null : index % 4 === 1 ? 'estimated' : 'reported',
    attempts: isRefused ? 0 : 1,
    first_byte_ms: isRefused ? null : 310 + index,
    duration_ms: isRefused ? 2 : 900 + index * 411,
    has_bodies: index % 3 === 0,
  };
});

const BODIES = {
  request: { text: '{"model":"support","messages":[{"role":"user","content":"Where is my order?"}],"max_tokens":200}', is_cut: false },
  response: { text: '{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Your', is_cut: true },
};

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
    await page.getByRole('dialog').getByLabel('Provider').selectOption('Azure OpenAI');
    await take('add, a known one');
  });

  test('dialogs of one', async ({ page, take }) => {
    const openai = page.getByRole('article', { name: 'OpenAI', exact: true });
    await page.route('**/fn/providers/offered-models*', (route) => route.fulfill({ json: OFFERED.map((name) => ({ name, price: null })) }));
    await openai.getByRole('button', { name: 'Add model' }).click();
    await expect(page.getByRole('dialog').getByRole('checkbox').first()).toBeVisible();
    await take('add model');
    await page.keyboard.press('Escape');
    await row(page, 'gpt-5').getByRole('button', { name: 'Edit' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Add fallback' }).click();
    await take('edit model');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await openai.getByRole('button', { name: 'Edit' }).first().click();
    await take('edit');
    await page.keyboard.press('Escape');
    await openai.getByRole('button', { name: 'Delete' }).first().click();
    await take('delete');
  });

  test('aliases and answers', async ({ page, take }) => {
    await row(page, 'support').getByRole('button', { name: 'Edit' }).click();
    await take('edit alias');
    await page.keyboard.press('Escape');
    const headers = { 'content-type': 'text/event-stream', 'x-latchkey-model': 'gpt-5', 'x-latchkey-provider': 'OpenAI' };
    await page.route('**/console/models/try', (route) => route.fulfill({ headers, body: ANSWER }));
    await row(page, 'gpt-5').getByRole('button', { name: 'Try it' }).click();
    await take('try it');
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    await expect(page.getByText('Hello! How can I help you today?')).toBeVisible();
    await take('try it, answered');
  });
});

pictures('calls', () => {
  test('empty', async ({ page, enter, take }) => {
    await enter('empty');
    await take('empty', { prepare: () => open(page, '/settings/calls') });
  });

  test('typical', async ({ page, enter, take }) => {
    await enter('typical');
    await open(page, '/settings/calls');
    await page.route('**/fn/calls/list*', (route) => route.fulfill({ json: { items: CALLS, next_cursor: 'older', dropped: 0 } }));
    await page.getByRole('button', { name: 'Reload' }).click();
    await expect(row(page, 'support').first()).toBeVisible();
    await take('typical', { full: true });
    await row(page, 'support').first().getByRole('button', { name: 'Details' }).click();
    await take('details');
    await page.keyboard.press('Escape');
    await page.route('**/fn/calls/bodies*', (route) => route.fulfill({ json: BODIES }));
    await row(page, 'support').first().getByRole('button', { name: 'Bodies' }).click();
    await expect(page.getByRole('region', { name: 'Response' })).toBeVisible();
    await take('bodies');
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

pictures('instances', () => {
  pageStates(() => '/settings/instances', { states: ['typical'] });
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
