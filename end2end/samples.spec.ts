// Samples of a project: from no external key to imported samples, local files, and the list.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Locator, Page } from '@playwright/test';
import {
  addProject,
  authenticate,
  axe,
  expect,
  expectFitsWidth,
  mockCredentialTest,
  open,
  row,
  rows,
  test as base,
  waitForHydration,
  waitForPage,
} from './fixtures';
import { Moto } from './moto';
import type { Server } from './server';

const test = base.extend<object, { moto: Moto }>({
  moto: [
    // The first argument of a fixture must be a destructuring pattern.
    async ({}, use) => {
      const moto = await Moto.start();
      try {
        await use(moto);
      } finally {
        await moto.stop();
      }
    },
    { scope: 'worker' },
  ],
  environment: [
    ({ moto }, use) => use({ LATCHKEY_AWS_S3_URL: moto.url, LATCHKEY_ALLOW_OUTGOING: '127.0.0.0/8' }),
    { scope: 'worker', option: true },
  ],
});

test.use({ expectedErrors: [403, 404, 409, 422] });

const dialog = (page: Page): Locator => page.getByRole('dialog', { name: 'Import Samples' });
const importCard = (page: Page, name: string): Locator => page.getByRole('region', { name: 'Imports' }).getByRole('article', { name, exact: true });
const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
const file = (name: string, content: string | Buffer) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(content) });

const checkPage = async (page: Page, state: string) => {
  await axe(page, state);
  await expectFitsWidth(page);
};

/** Opens the samples of a new project. Returns their path. */
async function openSamples(page: Page, server: Server): Promise<string> {
  const path = `/projects/${await addProject(page, server)}/samples`;
  await open(page, path);
  return path;
}

/** Opens the dialog, and chooses local files: contents, or paths. */
async function chooseFiles(page: Page, files: ReturnType<typeof file>[] | string[]): Promise<void> {
  await page.getByRole('button', { name: 'Import Samples' }).click();
  await dialog(page).getByLabel('Drop files here, or choose them').setInputFiles(files);
}

/** By the keyboard: a click could be the second one of a double click on Continue, which was at the same place, and is then ignored. */
const startImport = (page: Page) => dialog(page).getByLabel('Batch ID').press('Enter');

/** Imports local files under a batch id, and waits for their samples. */
async function importFiles(page: Page, files: ReturnType<typeof file>[], batch: string): Promise<void> {
  await chooseFiles(page, files);
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await dialog(page).getByLabel('Batch ID').fill(batch);
  await startImport(page);
  await expect(dialog(page)).toHaveCount(0);
  for (const { name } of files) {
    await expect(row(page, name).first()).toContainText(batch);
  }
}

test('samples are imported from S3, beginning without a key', async ({ page, server, owner, moto }, { parallelIndex, retry }) => {
  test.setTimeout(120_000);
  const reads = 'ACGTACGT\n'.repeat(1000);
  const bucket = `runs-${parallelIndex}-${retry}-${Date.now()}`;
  await moto.addBucket(bucket, { 'run-7/a.fastq': reads, 'run-7/b.fastq': 'TTGA', 'run-7/notes.txt': 'not a sample', 'run-8/c.fastq': 'CC' });
  await mockCredentialTest(page, 'works');
  const path = await openSamples(page, server);
  await expect(page.getByRole('tab', { name: 'Samples' })).toHaveAttribute('aria-selected', 'true');
  await expect(page.getByRole('heading', { name: 'No samples yet' })).toBeVisible();
  await checkPage(page, 'no samples');

  // Without a key, a link leads to the dialog that creates one.
  await page.getByRole('button', { name: 'Import Samples' }).click();
  await checkPage(page, 'the dialog for local files');
  await dialog(page).getByLabel('AWS S3').check();
  await expect(dialog(page).getByText('You have no external key for Amazon Web Services.')).toBeVisible();
  await checkPage(page, 'the dialog without a key');
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await expect(dialog(page).getByText('Add an external key for Amazon Web Services first.')).toBeVisible();
  await dialog(page).getByRole('link', { name: 'Create one' }).click();
  const keyDialog = page.getByRole('dialog', { name: 'Add external key' });
  await keyDialog.getByLabel('Label').fill('sequencing bucket');
  await keyDialog.getByLabel('Key', { exact: true }).fill('AKIAIOSFODNN7EXAMPLE');
  await keyDialog.getByLabel('Secret', { exact: true }).fill('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY');
  await keyDialog.getByLabel('Region').fill('us-east-1');
  await keyDialog.getByRole('button', { name: 'Submit' }).click();
  await expect(row(page, 'sequencing bucket')).toBeVisible();

  // Errors are at their fields.
  await open(page, path);
  await page.getByRole('button', { name: 'Import Samples' }).click();
  await dialog(page).getByLabel('AWS S3').check();
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await expect(dialog(page).getByLabel('Bucket')).toHaveAttribute('aria-invalid', 'true');
  await dialog(page).getByLabel('Bucket').fill('no-such-bucket-here');
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await expect(dialog(page).getByText('There is no bucket of this name, or the key has no access to it.')).toBeVisible();
  await dialog(page).getByLabel('Bucket').fill(bucket);
  await dialog(page).getByLabel('Prefix').fill('run-7/');
  await dialog(page).getByLabel('Pattern').fill('(');
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await expect(dialog(page).getByLabel('Pattern')).toHaveAttribute('aria-invalid', 'true');
  await checkPage(page, 'an invalid pattern');
  await dialog(page).getByLabel('Pattern').fill('\\.fastq$');

  // One file for the combined mode.
  await dialog(page).getByLabel('Combined').check();
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await expect(dialog(page).getByText('In the combined mode one file holds all samples, but 2 files match.')).toBeVisible();
  await dialog(page).getByLabel('Single').check();

  // The files are listed before anything is copied, and going back keeps what was entered.
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await expect(dialog(page).getByRole('status')).toHaveText('2 files, 8.7 KiB.');
  await expect(dialog(page).getByRole('listitem')).toHaveText(['a.fastq8.7 KiB', 'b.fastq4 B']);
  await expect(dialog(page).getByLabel('Batch ID')).toHaveValue(/^\d{4}-\d\d-\d\d-[0-9a-f]{4}$/);
  await checkPage(page, 'the files that match');
  await dialog(page).getByRole('button', { name: 'Back' }).click();
  await expect(dialog(page).getByLabel('Prefix')).toHaveValue('run-7/');
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await dialog(page).getByLabel('Batch ID').fill('run-7');
  await startImport(page);
  await expect(page.getByText('Import started')).toBeVisible();

  const first = row(page, 'a.fastq');
  await expect(first).toContainText('AWS S3');
  await expect(first).toContainText('run-7');
  await expect(first).toContainText('8.7 KiB');
  await expect(first).toContainText(owner.name);
  await expect(first.getByTitle(sha256(reads))).toBeVisible();
  await expect(row(page, 'b.fastq')).toBeVisible();
  await expect(page.getByRole('region', { name: 'Imports' })).toHaveCount(0);
  await expect(page.getByText('2 samples', { exact: true })).toBeAttached();
  await checkPage(page, 'samples');

  const [download] = await Promise.all([page.waitForEvent('download'), first.getByRole('link', { name: 'Download' }).click()]);
  expect(download.suggestedFilename()).toBe('a.fastq');
  expect(readFileSync(await download.path(), 'utf8')).toBe(reads);
});

test('local files are dropped, searched and deleted', { tag: '@widths' }, async ({ page, server, owner }) => {
  void owner;
  await openSamples(page, server);
  await page.getByRole('button', { name: 'Import Samples' }).click();
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await expect(dialog(page).getByRole('alert')).toHaveText('Choose files.');
  const transfer = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(['ACGT'], '<b>bold</b>.fastq'));
    transfer.items.add(new File(['GG'], 'second.fastq'));
    transfer.items.add(new File([], 'empty.fastq'));
    return transfer;
  });
  await dialog(page).locator('.drop-zone').dispatchEvent('drop', { dataTransfer: transfer });
  await expect(dialog(page).getByRole('listitem')).toHaveCount(3);
  await expect(dialog(page).getByRole('alert')).toHaveCount(0);
  await checkPage(page, 'chosen files');
  await dialog(page).getByRole('listitem').filter({ hasText: 'second.fastq' }).getByRole('button', { name: 'Remove' }).click();
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await expect(dialog(page).getByRole('status')).toHaveText('2 files, 4 B.');
  await dialog(page).getByLabel('Batch ID').fill('x'.repeat(101));
  await startImport(page);
  await expect(dialog(page).getByLabel('Batch ID')).toHaveAttribute('aria-invalid', 'true');
  await dialog(page).getByLabel('Batch ID').fill('first');
  await startImport(page);
  await expect(row(page, '<b>bold</b>.fastq').getByTitle(sha256('ACGT'))).toBeVisible();
  await expect(row(page, 'empty.fastq').getByTitle(sha256(''))).toBeVisible();

  await importFiles(page, [file('third.fastq', 'A'), file('fourth.fastq', 'C')], 'second');
  await expect(rows(page)).toHaveCount(4);
  await page.getByRole('searchbox').fill('SECOND');
  await expect(rows(page)).toHaveCount(2);
  await expect(page).toHaveURL(/\?q=SECOND$/);
  await page.getByRole('searchbox').fill('no such sample');
  await expect(page.getByRole('heading', { name: 'No matching samples' })).toBeVisible();
  await checkPage(page, 'no match');
  await page.getByRole('searchbox').fill('');
  await expect(rows(page)).toHaveCount(4);

  await row(page, 'third.fastq').getByRole('checkbox', { name: 'Select third.fastq' }).check();
  await row(page, 'fourth.fastq').getByRole('checkbox', { name: 'Select fourth.fastq' }).check();
  const selection = page.getByRole('group', { name: 'Selected samples' });
  await expect(selection).toContainText('2 selected');
  await checkPage(page, 'a selection');
  await selection.getByRole('button', { name: 'Select page' }).click();
  await expect(selection).toContainText('4 selected');
  await row(page, 'empty.fastq').getByRole('checkbox').uncheck();
  await selection.getByRole('button', { name: 'Delete' }).click();
  const confirmation = page.getByRole('alertdialog', { name: 'Delete 3 samples?' });
  await checkPage(page, 'the confirmation');
  await confirmation.getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('3 samples deleted')).toBeVisible();
  await expect(rows(page)).toHaveCount(1);
  await row(page, 'empty.fastq').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('alertdialog', { name: 'Delete this sample?' }).getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByRole('heading', { name: 'No samples yet' })).toBeVisible();
});

test('an upload continues after a reload', { tag: '@once' }, async ({ page, server, owner }, testInfo) => {
  void owner;
  test.setTimeout(120_000);
  const path = await openSamples(page, server);
  // Three parts, of which the second one is held back.
  const content = Buffer.alloc(17 * 1024 * 1024, 'ACGT\n');
  // On the disk, because the time of the last change must stay the same.
  const large = testInfo.outputPath('large.fastq');
  const small = testInfo.outputPath('small.fastq');
  writeFileSync(large, content);
  writeFileSync(small, 'C');
  await page.route(/\/samples\/upload\/.*offset=8388608$/, () => new Promise(() => {}));
  const held = page.waitForRequest(/\/samples\/upload\/.*offset=8388608$/);
  await chooseFiles(page, [large, small]);
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await dialog(page).getByLabel('Batch ID').fill('run-9');
  await startImport(page);
  await held;
  const card = importCard(page, 'run-9');
  await expect(card).toContainText('1 of 2 files · 8 MiB of 17 MiB');
  await expect(card.getByRole('progressbar', { name: 'Progress of run-9' })).toBeVisible();
  await expect(row(page, 'small.fastq'), 'complete before the other one').toBeVisible();
  await axe(page, 'an upload');

  // The browser asks before the upload is interrupted.
  page.on('dialog', (question) => question.accept());
  await page.reload();
  await waitForHydration(page);
  // After the reload: the browser sends held requests when the last route is removed.
  await page.unroute(/\/samples\/upload\/.*offset=8388608$/);
  await expect(card).toContainText('The upload was interrupted.');
  await axe(page, 'an interrupted upload');
  const uploads: string[] = [];
  page.on('request', (request) => uploads.push(...(/\/samples\/upload\/.*offset=(\d+)$/.exec(request.url())?.slice(1) ?? [])));
  await card.getByLabel('The upload was interrupted.').setInputFiles([file('other.fastq', 'A')]);
  await expect(page.getByText('Choose these files too: “large.fastq”.')).toBeVisible();
  await page.getByRole('button', { name: 'Dismiss' }).click();
  // Another file of the same name and size, then the file itself.
  await card.getByLabel('The upload was interrupted.').setInputFiles([file('large.fastq', Buffer.alloc(content.length, 'T'))]);
  await expect(page.getByText('These files are not those with which the import began: “large.fastq”.')).toBeVisible();
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await card.getByLabel('The upload was interrupted.').setInputFiles([large]);
  await expect(row(page, 'large.fastq').getByTitle(sha256(content))).toBeVisible();
  expect(uploads, 'what was stored before is not sent again').toEqual(['8388608', '16777216']);

  // It continues while another page of the application is open.
  await chooseFiles(page, [file('elsewhere.fastq', content.subarray(0, 9 * 1024 * 1024))]);
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await startImport(page);
  await expect(dialog(page)).toHaveCount(0);
  const last = page.waitForResponse(/\/samples\/upload\/.*offset=8388608$/);
  await page.getByRole('tab', { name: 'About Project' }).click();
  await waitForPage(page, path.replace('/samples', ''));
  expect((await last).status()).toBe(200);
  await page.getByRole('tab', { name: 'Samples' }).click();
  await expect(row(page, 'elsewhere.fastq')).toBeVisible();
});

test('an import is stopped', { tag: '@widths' }, async ({ page, server, owner }) => {
  void owner;
  await openSamples(page, server);
  await page.route('**/samples/upload/**', () => new Promise(() => {}));
  await chooseFiles(page, [file('a.fastq', 'A'), file('b.fastq', 'C')]);
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await dialog(page).getByLabel('Batch ID').fill('run-10');
  await startImport(page);
  const card = importCard(page, 'run-10');
  await expect(card).toContainText('0 of 2 files · 0 B of 2 B');
  await checkPage(page, 'a running import');
  await card.getByRole('button', { name: 'Files', exact: true }).click();
  const files = page.getByRole('dialog', { name: 'Files of run-10' });
  await expect(files.getByRole('listitem')).toHaveText(['a.fastqWaiting · 1 B', 'b.fastqWaiting · 1 B']);
  await checkPage(page, 'the files of an import');
  await page.keyboard.press('Escape');
  await card.getByRole('button', { name: 'Stop' }).click();
  const confirmation = page.getByRole('alertdialog', { name: 'Stop this import?' });
  await expect(confirmation).toContainText('0 of 2 files complete');
  await confirmation.getByRole('button', { name: 'Stop' }).click();
  await expect(page.getByText('Import stopped')).toBeVisible();
  await expect(card).toHaveCount(0);
  await expect(page.getByRole('heading', { name: 'No samples yet' })).toBeVisible();
});

test('failed files are named and tried again', { tag: '@once' }, async ({ page, server, owner }) => {
  void owner;
  await openSamples(page, server);
  await page.route('**/samples/upload/**', () => new Promise(() => {}));
  await chooseFiles(page, [file('a.fastq', 'A'), file('b.fastq', 'C')]);
  await dialog(page).getByRole('button', { name: 'Continue' }).click();
  await dialog(page).getByLabel('Batch ID').fill('run-11');
  await startImport(page);
  const card = importCard(page, 'run-11');
  await expect(card).toBeVisible();
  server.sql(`
    update import_files set state = 'failed', error = 'The file no longer exists at the source.'
      where job_id in (select id from import_jobs where batch = 'run-11');
    update import_jobs set state = 'finished', finished_at = ${Date.now()} where batch = 'run-11'`);
  await expect(card).toContainText('2 files failed');
  await card.getByRole('button', { name: 'Files', exact: true }).click();
  await expect(page.getByRole('dialog').getByText('The file no longer exists at the source.')).toHaveCount(2);
  await axe(page, 'failed files');
  await page.keyboard.press('Escape');
  await card.getByRole('button', { name: 'Retry failed files' }).click();
  await expect(card).not.toContainText('failed');
  await expect(card.getByRole('button', { name: 'Stop' })).toBeVisible();
});

test('a viewer of the project downloads and changes nothing', { tag: '@once' }, async ({ page, otherPage, server, owner }) => {
  const path = await openSamples(page, server);
  const grace = server.addUser('viewer', owner.organization, 'Grace Hopper');
  await authenticate(otherPage.context(), server, grace);
  await open(otherPage, path);
  await expect(otherPage.getByText('Samples that a manager of the project imports appear here.')).toBeVisible();
  await expect(otherPage.getByRole('button', { name: 'Import Samples' })).toHaveCount(0);
  await importFiles(page, [file('a.fastq', 'ACGT')], 'run-12');
  await otherPage.reload();
  await waitForHydration(otherPage);
  const sample = row(otherPage, 'a.fastq');
  await expect(sample.getByRole('checkbox')).toHaveCount(0);
  await expect(sample.getByRole('button', { name: 'Delete' })).toHaveCount(0);
  await axe(otherPage, 'samples with view permission only');
  const [download] = await Promise.all([otherPage.waitForEvent('download'), sample.getByRole('link', { name: 'Download' }).click()]);
  expect(readFileSync(await download.path(), 'utf8')).toBe('ACGT');
});
