// Corpora: their documents, a query to try, their upstreams, and code that queries them.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Page } from '@playwright/test';
import { axe, call, expect, expectFitsWidth, open, row, rows, switchUser, test, waitForPage } from './fixtures';

const PASSWORDS = 'Reset a forgotten password on the sign-in page.';

function file(name: string, content: string): { name: string; mimeType: string; buffer: Buffer } {
  return { name, mimeType: 'application/octet-stream', buffer: Buffer.from(content) };
}

/** Chooses files in the open dialog and uploads them. */
async function upload(page: Page, files: ReturnType<typeof file>[]): Promise<void> {
  const dialog = page.getByRole('dialog', { name: 'Upload documents' });
  await dialog.getByLabel('Files', { exact: true }).setInputFiles(files);
  await dialog.getByRole('button', { name: 'Upload', exact: true }).click();
}

test.describe('the page of a corpus', () => {
  // Wrong files and an unknown corpus.
  test.use({ expectedErrors: [404, 422] });

  test('documents are uploaded, found and deleted', async ({ page, server, internalKey }) => {
    test.setTimeout(120_000);
    const { id } = await server.api(internalKey, '/corpora', { name: 'handbook' });
    await open(page, '/settings/corpora');
    await expect(row(page, 'handbook')).toContainText('Built-in index');
    await expectFitsWidth(page);
    await page.getByRole('link', { name: 'handbook', exact: true }).click();
    await waitForPage(page, `/settings/corpora/${id}`);
    await expect(page.getByRole('heading', { name: 'handbook', level: 1 })).toBeVisible();
    await expect(page.getByRole('heading', { name: 'No documents yet' })).toBeVisible();
    await expect(page.getByRole('searchbox'), 'without documents').toHaveCount(0);
    await axe(page, 'a corpus without documents');
    await expectFitsWidth(page);

    await test.step('a wrong file does not keep the others from being added', async () => {
      await page.getByRole('button', { name: 'Upload your first documents' }).click();
      const dialog = page.getByRole('dialog', { name: 'Upload documents' });
      await dialog.getByRole('button', { name: 'Upload', exact: true }).click();
      await expect(dialog.getByText('Choose at least one file.')).toBeVisible();
      await axe(page, 'the upload dialog');
      await expectFitsWidth(page);
      const binary = { ...file('logo.txt', ''), buffer: Buffer.from([0xff, 0xfe, 0x00]) };
      const passwords = file('passwords.md', `# Passwords\n\n${PASSWORDS}\n`);
      await upload(page, [passwords, file('report.pdf', '%PDF'), binary]);
      await expect(dialog.getByText('2 of 3 files could not be added.')).toBeVisible();
      const files = dialog.getByRole('list', { name: 'Uploaded files' }).getByRole('listitem');
      await expect(files).toHaveText([/^passwords\.md\s*1 added$/, /^report\.pdf.*\.jsonl/, /^logo\.txt.*UTF-8/]);
      await axe(page, 'a failed upload');
      await expectFitsWidth(page);
      const hours = ['Opening hours: 9 to 5.', 'Closed on Sundays.'];
      const lines = hours.map((text, index) => JSON.stringify({ id: `line-${index}`, title: 'Hours', sections: [text] }));
      await upload(page, [passwords, file('hours.jsonl', lines.join('\n')), file('about.html', '<p>About us</p>')]);
      await expect(page.getByText('Documents uploaded: 3 added, 1 replaced')).toBeVisible();
    });

    await expect(page.getByRole('status').filter({ hasText: '4 documents' })).toBeVisible();
    await expect(row(page, 'line-0')).toContainText('Hours');
    await axe(page, 'documents');
    await expectFitsWidth(page);

    await test.step('a query is tried', async () => {
      await page.getByRole('searchbox', { name: 'Search' }).fill('How do I reset my password?');
      const results = page.getByRole('list', { name: 'Results' });
      await expect(results.getByRole('listitem').first()).toContainText('sign-in page');
      await axe(page, 'results');
      await expectFitsWidth(page);
      await page.getByRole('searchbox').fill('zebra');
      await expect(page.getByText('No document matches “zebra”.')).toBeVisible();
      await expect(results).toHaveCount(0);
    });

    await row(page, 'passwords.md').getByRole('button', { name: 'Delete' }).click();
    const confirmation = page.getByRole('alertdialog', { name: 'Delete this document?' });
    await axe(page, 'the confirmation');
    await confirmation.getByRole('button', { name: 'Delete' }).click();
    await expect(row(page, 'passwords.md')).toHaveCount(0);
    await expect(page.getByRole('status').filter({ hasText: '3 documents' })).toBeVisible();

    await page.getByRole('link', { name: 'All corpora' }).click();
    await row(page, 'handbook').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await expect(page.getByRole('alertdialog')).toContainText('3 documents will be deleted.');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByRole('heading', { name: 'No corpora yet' })).toBeVisible();
    await open(page, `/settings/corpora/${id}`);
    await expect(page.getByRole('heading', { name: 'Corpus not found' })).toBeVisible();
  });

  test('many documents are on several pages', { tag: '@widths' }, async ({ page, server, internalKey }) => {
    const { id } = await server.api(internalKey, '/corpora', { name: 'handbook' });
    const number = (index: number) => String(index).padStart(2, '0');
    const lines = Array.from({ length: 21 }, (_, index) => JSON.stringify({ id: `page-${number(index)}`, sections: [`Page ${index}`] }));
    expect(await call(page, server, 'corpora/upload', { id, name: 'pages.jsonl', content: lines.join('\n') })).toEqual({ added: 21, replaced: 0 });
    await open(page, `/settings/corpora/${id}`);
    await expect(rows(page)).toHaveCount(20);
    await expect(page.getByRole('button', { name: 'Previous page' })).toBeDisabled();
    await page.getByRole('button', { name: 'Next page' }).click();
    await expect(rows(page)).toHaveCount(1);
    await expect(row(page, 'page-20')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Next page' })).toBeDisabled();
    await axe(page, 'the last page');
    await expectFitsWidth(page);
    // The page before takes the place of an empty one.
    await row(page, 'page-20').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect(rows(page)).toHaveCount(20);
    await expect(page.getByRole('button', { name: 'Next page' })).toHaveCount(0);
  });

  test('an upstream is set, changed and removed', async ({ page, server, internalKey }) => {
    test.setTimeout(120_000);
    const { id } = await server.api(internalKey, '/corpora', { name: 'handbook' });
    await call(page, server, 'credentials/create-general', { name: 'Team key', value: 'sk-0123456789abcdef' });
    await open(page, `/settings/corpora/${id}`);
    const answers = page.getByRole('region', { name: 'Answers from' });
    await expect(answers).toContainText('The built-in index.');

    await answers.getByRole('button', { name: 'Use an upstream' }).click();
    const form = page.getByRole('dialog');
    const save = form.getByRole('button', { name: 'Save' });
    await save.click();
    for (const field of ['Base URL', 'Customer ID', 'Corpus ID']) {
      await expect(form.getByLabel(field)).toHaveAttribute('aria-invalid', 'true');
    }
    await axe(page, 'the upstream dialog');
    await expectFitsWidth(page);
    await form.getByLabel('Base URL').fill('nonsense');
    await form.getByLabel('Customer ID').fill('1234567890');
    await form.getByLabel('Corpus ID').fill('3');
    await form.getByLabel('Key', { exact: true }).selectOption({ label: 'Team key (sk-…def)' });
    await save.click();
    await expect(form.getByText('Enter a URL that begins with https://')).toBeVisible();
    await form.getByLabel('Base URL').fill('https://api.vectara.io');
    await save.click();
    await expect(answers.getByText('https://api.vectara.io', { exact: true })).toBeVisible();
    await expect(answers).toContainText('Team key sk-…def');
    await axe(page, 'an upstream');
    await expectFitsWidth(page);

    // A changed base URL unlinks the key.
    await answers.getByRole('button', { name: 'Edit upstream' }).click();
    await form.getByLabel('Base URL').fill('https://vectara.example.com');
    await save.click();
    await expect(page.getByText('The base URL changed, so the key was unlinked.')).toBeVisible();
    await expect(answers.getByText('Key deleted or unlinked.')).toBeVisible();
    await open(page, '/settings/corpora');
    await expect(row(page, 'handbook')).toContainText('Upstream');

    await open(page, `/settings/corpora/${id}`);
    await answers.getByRole('button', { name: 'Remove upstream' }).click();
    await page.getByRole('alertdialog', { name: 'Remove the upstream?' }).getByRole('button', { name: 'Remove' }).click();
    await expect(answers).toContainText('The built-in index.');
  });
});

test.describe('without permission', () => {
  test.use({ expectedErrors: [403] });

  test('a member sees the missing permission', { tag: '@once' }, async ({ page, server, internalKey, owner }) => {
    const { id } = await server.api(internalKey, '/corpora', { name: 'handbook' });
    await switchUser(page, server, server.addUser('member', owner.organization, 'Grace Hopper'));
    await open(page, `/settings/corpora/${id}`);
    await expect(page.getByText('Manage Corpora')).toBeVisible();
    await expect(page.getByText('handbook')).toHaveCount(0);
  });
});

/** The code in a tab of the pop-up. */
async function codeOf(page: Page, label: string): Promise<string> {
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('tab', { name: label, exact: true }).click();
  return (await dialog.getByRole('tabpanel', { name: label, exact: true }).textContent()) ?? '';
}

function run(command: string, options: string[], code: string): string {
  const env = { ...process.env, FORCE_COLOR: '0', no_proxy: '*', NO_PROXY: '*' };
  return execFileSync(command, [...options, code], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

test('code for a corpus key runs unchanged, also in a page of another origin', { tag: '@once' }, async ({ page, otherPage, server, internalKey }) => {
  const { id } = await server.api(internalKey, '/corpora', { name: 'handbook' });
  await call(page, server, 'corpora/upload', { id, name: 'passwords.txt', content: PASSWORDS });
  await open(page, '/keys/corpus');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByLabel('Name', { exact: true }).fill('help pages');
  await page.getByRole('button', { name: 'Submit' }).click();
  const dialog = page.getByRole('dialog');
  const key = (await dialog.getByText(/^lkq_\w+$/).textContent()) ?? '';
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await dialog.getByRole('button', { name: 'Copy' }).first().click();
  await expect(dialog.getByRole('tablist', { name: 'Code' }).getByRole('tab')).toHaveText(['JavaScript', 'Python', 'cURL']);
  await expect(dialog.getByRole('tab', { name: 'JavaScript', selected: true })).toBeVisible();
  await axe(page, 'code for a corpus key');

  const script = await codeOf(page, 'JavaScript');
  expect(script).toContain(key);
  expect(script).toContain(server.url);
  expect(run(process.execPath, ['--input-type=module', '-e'], script), 'as a module').toContain(PASSWORDS);
  expect(run(process.execPath, ['--input-type=commonjs', '-e'], script), 'as a script').toContain(PASSWORDS);
  await expect(dialog.getByText('First request just now')).toBeVisible({ timeout: 20_000 });
  expect(run('python3', ['-c'], await codeOf(page, 'Python'))).toContain(PASSWORDS);
  expect(run('bash', ['-c'], await codeOf(page, 'cURL'))).toContain(PASSWORDS);

  await test.step('in a page of another origin', async () => {
    const html = `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Search</title><script>${script}</script></html>`;
    const site = createServer((_, response) => {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(html);
    }).listen(0, '127.0.0.1');
    await once(site, 'listening');
    const printed = otherPage.waitForEvent('console');
    await otherPage.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
    expect((await printed).text()).toContain(PASSWORDS);
    await otherPage.goto('about:blank');
    site.close();
  });
});

test('the page of a corpus has code for it', { tag: '@once' }, async ({ page, server, internalKey }) => {
  const { id } = await server.api(internalKey, '/corpora', { name: 'handbook' });
  const { customer_id } = await call(page, server, 'corpora/page', { id });
  await open(page, `/settings/corpora/${id}`);
  const code = page.getByRole('region', { name: 'Use it in code' });
  await expect(code.getByRole('tab')).toHaveText(['JavaScript', 'Python', 'cURL']);
  for (const label of ['JavaScript', 'Python', 'cURL']) {
    await code.getByRole('tab', { name: label }).click();
    const panel = code.getByRole('tabpanel', { name: label });
    for (const part of [`${server.url}/v1/query`, String(customer_id), 'CORPUS_KEY']) {
      await expect(panel).toContainText(part);
    }
  }
  await code.getByRole('link', { name: 'Create a corpus key' }).click();
  await expect(page.getByRole('dialog', { name: 'Create corpus key' })).toBeVisible();
});
