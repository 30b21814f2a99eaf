// What main and post share: the runner's files, and kubelease as a child that gets our signals.
'use strict';

const { spawn } = require('node:child_process');
const { randomUUID } = require('node:crypto');
const { appendFileSync } = require('node:fs');

/** An input of the step, as the runner passes it. */
exports.input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] || '').trim();

/** Appends to one of the runner's files (GITHUB_ENV, GITHUB_OUTPUT, GITHUB_STATE). */
exports.tell = (file, name, value) => {
  const path = process.env[file];
  if (!path) throw new Error(`${file} is not set: this runs in GitHub Actions only`);
  // A delimiter that nobody can guess, so that no value can end itself and begin another one.
  const end = `end_${randomUUID()}`;
  appendFileSync(path, `${name}<<${end}\n${value}\n${end}\n`);
};

/** One line for the job's log page; the runner reads % and line ends as escapes. */
exports.annotate = (level, text) => {
  const line = text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  process.stdout.write(`::${level}::${line}\n`);
};

/** Runs kubelease to its end: its exit code and stdout. It gets every signal that we get, and we outlive it. */
exports.kubelease = (program, args, env) => new Promise((resolve) => {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  let stdout = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text) => { stdout += text; });
  child.on('error', (error) => {
    exports.annotate('error', `${program} cannot be run: ${error.message}`);
    resolve({ code: 127, stdout });
  });
  child.on('close', (code) => resolve({ code: code === null ? 130 : code, stdout }));
});
