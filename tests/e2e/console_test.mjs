// The console in a real browser: console_test.mjs CHROMIUM [PLUMB]. Against `plumb serve` in a fresh project where the
// program is given, else against the development mock. Any console error, any failed request and any request that leaves
// the origin is a failure.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from '../../console/node_modules/playwright-core/index.mjs';

const [executablePath, plumb] = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), 'plumb-console-'));
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
let server;

// Starts a program and waits for the address it prints.
async function serve(command, args, cwd) {
  server = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  server.stderr.on('data', (data) => (said += data));
  const address = new Promise((found, failed) => {
    createInterface({ input: server.stdout }).on('line', (line) => {
      said += `${line}\n`;
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(line);
      if (match) found(match[0]);
    });
    server.on('exit', (code) => failed(new Error(`${command} ended with ${code}:\n${said}`)));
    setTimeout(() => failed(new Error(`${command} did not print its address:\n${said}`)), 60_000).unref();
  });
  return address;
}

const share = (rate, n = 100) => ({ rate, hits: Math.round(rate * n), n, low: Math.max(0, rate - 0.05), high: Math.min(1, rate + 0.05) });
const REPORT = {
  version: 1, run: 'r1', title: 'Turn of the loop', target: 'local:smollm2', policy: { id: 'p', version: '1', hash: 'ab' }, started: '2026-11-21T09:00:00Z',
  finished: '2026-11-21T09:12:00Z', minutes: 12, verdict: 'passed', sentence: 'The test turn meets every target.',
  measures: [{ id: 'unsafe_refused', label: 'Unsafe requests refused', suite: 's', higher_is_better: true, before: share(0.04), after: share(0.85), guarded: share(0.95),
               target: 0.8, guarded_target: 0.92, difference: { value: 0.81, low: 0.7, high: 0.9 }, detectable: 0.06, note: '' }],
  failures: [], not_ready_for: ['languages other than English'], next: ['add look-alikes'], conditions: ['greedy'], loss: [[0, 2], [1, 1]],
  training: {}, guard: {}, identities: {}, ledger: { head: 'note', verifier_key: 'key', proofs: [] } };

// The two servers under one face: how a turn is made to happen, and how an exchange is.
async function openReal() {
  const project = join(scratch, 'project');
  const init = spawnSync(plumb, ['init', project], { encoding: 'utf8' });
  assert.equal(init.status, 0, init.stderr);
  const key = /plumb-[A-Za-z0-9_-]+/.exec(init.stdout)?.[0];
  // "desk" is answered by a vendor of the test's own, and its answers wait for a person.
  const vendor = createServer((_, response) => {
    const message = { role: 'assistant', content: 'Yes, at once.' };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ model: 'v', choices: [{ index: 0, finish_reason: 'stop', message }], usage: { prompt_tokens: 1, completion_tokens: 1 } }));
  });
  await new Promise((listening) => vendor.listen(0, '127.0.0.1', listening));
  vendor.unref();
  const edit = (file, change) => writeFileSync(join(project, file), change(readFileSync(join(project, file), 'utf8')));
  edit('policy.yaml', (text) => text.replace(/^routes:\n/m, 'routes:\n  - {match: {model: desk}, review: {before_release: true}}\n'));
  edit('plumb.yaml', (text) => text.replace(/^models:\n/m, `providers: {v: {kind: openai, url: "http://127.0.0.1:${vendor.address().port}/v1"}}\nmodels:\n  desk: "v:m"\n`) + 'keys_file: keys.yaml\n');
  const reviewer = spawnSync(plumb, ['keys', 'new', 'ann', '--role', 'reviewer'], { cwd: project, encoding: 'utf8' }).stdout.trim();
  const base = await serve(plumb, ['serve', '--listen', '127.0.0.1:0'], project);
  const folder = join(project, 'align', '20261121-090000');
  const event = (value) => appendFileSync(join(folder, 'events.jsonl'), JSON.stringify({ t: new Date().toISOString(), ...value }) + '\n');
  return {
    name: 'plumb serve', base, project: 'project', reviewer,
    async hold() {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
      const body = JSON.stringify({ model: 'desk', messages: [{ role: 'user', content: 'Should I sell the house?' }] });
      const answer = await fetch(`${base}/v1/chat/completions`, { method: 'POST', headers, body });
      assert.equal(answer.status, 202);
      const { id } = await answer.json();
      return async () => (await (await fetch(`${base}/v1/exchanges/${id}`, { headers })).json()).answer.choices[0].message.content;
    },
    async turn() {
      mkdirSync(folder, { recursive: true });
      event({ phase: 'measure', message: 'asking 10 questions' });
      event({ phase: 'measure', step: 10, total: 10, metrics: { unsafe_refused: 0.04 } });
      event({ phase: 'sft', message: 'training' });
      for (let step = 1; step <= 8; ++step) event({ phase: 'sft', step, total: 10, eta_s: 10 - step, metrics: { loss: 2 / step } });
    },
    async finish() {
      writeFileSync(join(folder, 'report.json'), JSON.stringify(REPORT));
      event({ phase: 'done', message: 'gate passed' });
    },
    async exchange() {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
      const body = JSON.stringify({ model: 'smollm2', max_tokens: 8, messages: [{ role: 'user', content: 'Say hello 🙂' }] });
      await fetch(`${base}/v1/chat/completions`, { method: 'POST', headers, body });
    },
  };
}

async function openMock() {
  const mock = new URL('../../console/dev/mock.mjs', import.meta.url).pathname;
  const base = await serve(process.execPath, [mock, '--port', '0', '--turn', '5', '--empty'], scratch);
  return { name: 'the development mock', base, project: 'mock', hold: async () => async () => 'Ask a notary.', turn: () => fetch(`${base}/mock/start`), finish: async () => {}, exchange: () => fetch(`${base}/mock/exchange`) };
}

const browser = await chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
const world = plumb ? await openReal() : await openMock();
console.log(`against ${world.name}`);
let faults = [];
let done = 0;
let failed = 0;

async function newPage(options = {}) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, ...options });
  page.setDefaultTimeout(15_000);
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && faults.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== world.base && !['blob:', 'data:'].includes(protocol)) faults.push(`left the origin: ${request.url()}`);
  });
  return page;
}
const visit = async (page, path) => {
  await page.goto(`${world.base}/#/${path}`);
  await page.locator('h1').first().waitFor();
};
async function test(name, body) {
  faults = [];
  try {
    await body();
    assert.deepEqual(faults, []);
    console.log(`ok   ${name}`);
    ++done;
  } catch (error) {
    console.log(`FAIL ${name}\n${error.message}\n`);
    ++failed;
  }
}

const page = await newPage({ colorScheme: 'light' });
try {
  await test('a fresh project says what to do', async () => {
    await visit(page, '');
    await page.getByText('No turn has run here yet').waitFor();
    await visit(page, 'exchanges');
    await page.getByText('Nothing has come through yet').waitFor();
    await visit(page, 'report');
    await page.getByText('No report yet').waitFor();
  });

  await test('a turn appears by itself and its loss is plotted as it comes', async () => {
    await visit(page, '');
    await page.getByText('No turn has run here yet').waitFor();
    await world.turn();
    await page.locator('.stepper .running').waitFor();
    await page.getByText('Training loss').waitFor();
    const ink = await page.locator('.plot canvas').first().evaluate((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.some((byte, i) => i % 4 === 3 && byte > 0);
    });
    assert.ok(ink, 'nothing is drawn');
  });

  await test('when it is done, the verdict stands above before and after', async () => {
    await world.finish();
    await page.locator('.banner').waitFor();
    await page.getByText('Unsafe requests refused').waitFor();
    assert.ok((await page.locator('.measures svg.bar .whisker').count()) >= 3);
    await page.getByRole('link', { name: 'Full report' }).click();
    await page.getByText('What to do next').waitFor();
  });

  await test('an exchange appears by itself and leads to its verdicts', async () => {
    await visit(page, 'exchanges');
    await page.getByText('Nothing has come through yet').waitFor();
    await world.exchange();
    const link = page.locator('table.exchanges tbody a').first();
    await link.waitFor();
    await page.getByLabel('Text').fill('no such text anywhere');
    await page.getByText('None of the loaded exchanges matches').waitFor();
    await page.getByLabel('Text').fill('');
    await link.click();
    await page.getByText('Verdict on the input').waitFor();
    assert.ok((await page.locator('.chip', { hasText: 'patterns' }).count()) >= 1);
  });

  await test('its proof is checked in the browser', async () => {
    await page.getByRole('button', { name: 'Check this proof' }).click();
    await page.getByText('This exchange is in the signed ledger, unchanged.').waitFor();
    assert.equal(await page.locator('.checks li').count(), 5);
  });

  await test('a server that changes an entry is caught', async () => {
    const id = page.url().split('/').pop();
    await page.route(`**/api/exchanges/${id}`, async (route) => {
      const response = await route.fetch();
      const body = await response.json();
      body.proof.entry = body.proof.entry.replace(/"kind":"(\w+)"/, '"kind":"x$1"');
      await route.fulfill({ response, json: body });
    });
    await page.reload();
    await page.getByRole('button', { name: 'Check this proof' }).click();
    await page.getByText('This proof does not hold.').waitFor();
    await page.unroute(`**/api/exchanges/${id}`);
  });

  await test('a text is judged by every tier', async () => {
    await visit(page, 'try');
    await page.getByLabel('Direction').selectOption('output');
    await page.getByLabel('Text').fill('Your card 4111 1111 1111 1111 is on file.');
    await page.keyboard.press('Control+Enter');
    await page.getByText("Every tier's answer").waitFor({ timeout: 60_000 });
    assert.ok((await page.locator('th.tier').count()) >= 1);
    await page.locator('tr.hit', { hasText: 'confidential-data' }).waitFor();
    assert.match(await page.locator('mark').first().innerText(), /4111 1111 1111 1111/);
  });

  await test('a held answer is shown, and a reviewer decides', async () => {
    const given = await world.hold();
    await visit(page, 'held');
    await page.getByText('Should I sell the house?').waitFor();
    await page.getByText('Yes, at once.').waitFor();
    const instead = page.getByRole('button', { name: 'Give these words' });
    assert.ok(await instead.isDisabled(), 'an edit needs words');
    await page.getByLabel('Words to give instead').fill('Ask a notary.');
    await instead.click();
    if (world.reviewer) {
      // Keys are in use: who decides must say who.
      await page.getByLabel("A reviewer's key").fill(world.reviewer);
      await page.getByRole('button', { name: 'Use it' }).click();
      faults = faults.filter((fault) => !/40[13]/.test(fault));
      await instead.click();
    }
    await page.getByText('Nothing waits').waitFor();
    await page.getByLabel('also decided and expired ones').check();
    await page.locator('.tag', { hasText: 'edited' }).waitFor();
    assert.equal(await given(), 'Ask a notary.');
    await page.evaluate(() => sessionStorage.clear());
  });

  await test('the policy shows its clauses, sorted as asked, and its prompt', async () => {
    await visit(page, 'policy');
    const names = () => page.locator('table.clauses tbody th').evaluateAll((all) => all.map((one) => one.firstChild.textContent.trim()));
    await page.getByRole('button', { name: 'Clause' }).click();
    const up = await names();
    assert.deepEqual(up, up.toSorted());
    await page.getByRole('button', { name: 'Clause' }).click();
    assert.deepEqual(await names(), up.toReversed());
    await page.getByText('System prompt').click();
    assert.ok((await page.locator('details[open] .text').innerText()).length > 20);
  });

  await test('the address for applications is this one', async () => {
    await visit(page, 'connect');
    assert.ok((await page.locator('pre').allInnerTexts()).every((text) => text.includes(`${world.base}/v1`)));
  });

  await test('the status shows a tree head whose signature verifies', async () => {
    await visit(page, 'status');
    await page.getByText('valid, checked in this browser').waitFor();
    await page.getByText('only someone who kept a later head could tell').waitFor();
  });

  await test('the keyboard alone reaches the pages', async () => {
    await visit(page, '');
    await page.reload();
    await page.locator('h1').waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content');
    for (let i = 0; i < 3; ++i) await page.keyboard.press('Tab');
    assert.equal((await page.evaluate(() => document.activeElement.textContent)).trim(), 'Exchanges');
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Exchanges' }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  });

  await test('dark follows the system, and a choice of one\'s own is kept', async () => {
    const background = (one) => one.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const dark = await newPage({ colorScheme: 'dark' });
    await visit(dark, 'status');
    const night = await background(dark);
    await visit(page, 'status');
    assert.notEqual(await background(page), night);
    await dark.getByRole('button', { name: /^Theme/ }).click();
    await dark.reload();
    await dark.locator('h1').waitFor();
    assert.equal(await background(dark), await background(page));
    await dark.close();
  });

  await test('no page is wider than a phone of 360 pixels', async () => {
    const narrow = await newPage({ viewport: { width: 360, height: 740 } });
    const row = (await (await fetch(`${world.base}/api/exchanges`)).json()).exchanges[0];
    for (const path of ['', 'exchanges', `exchanges/${row.id}`, 'held', 'try', 'policy', 'report', 'connect', 'status']) {
      await visit(narrow, path);
      await sleep(250);
      assert.equal(await narrow.evaluate(() => document.documentElement.scrollWidth), 360, path);
    }
    await narrow.close();
  });

  await test('what is not there is said', async () => {
    await visit(page, 'nowhere');
    await page.getByText('There is no page “nowhere”').waitFor();
    await page.goto(`${world.base}/#/exchanges/exc_none`);
    await page.getByRole('alert').filter({ hasText: 'exc_none' }).waitFor();
    // The browser itself logs the 404, which is right.
    faults = faults.filter((fault) => !fault.includes('404'));
  });

  await test('a gateway that goes away is noticed', async () => {
    await visit(page, 'status');
    server.kill('SIGKILL');
    await page.getByRole('alert').filter({ hasText: 'does not answer' }).first().waitFor();
    faults = faults.filter((fault) => !/ERR_CONNECTION|Failed to load resource|ERR_INCOMPLETE|ERR_EMPTY/.test(fault));
  });
} finally {
  await browser.close();
  server.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`${done} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
