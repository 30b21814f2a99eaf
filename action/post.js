// Returns the cluster, also after a failure and a cancel. First the mark, which takes seconds: should
// this step be killed too, the next guard tick anywhere ends what is left.
'use strict';

const { annotate, kubelease } = require('./runner.js');

const NOT_FOUND = 7;

async function post() {
  const state = (key) => process.env[`STATE_${key}`] || '';
  const name = state('name');
  if (!name) return 0; // The main step never came to a name, so nothing was made.
  const env = { KUBELEASE_HOME: state('home') };
  await kubelease(state('program'), ['delete', name, '--mark'], env);
  const { code, stdout } = await kubelease(state('program'), ['delete', name, '--yes'], env);
  process.stdout.write(stdout);
  if (code === 0) return 0;
  if (code === NOT_FOUND) return 0; // It was stopped before it reserved anything.
  annotate('error', `kubelease delete ended with ${code}: ${name} may go on costing money until a guard tick ends it`);
  return code;
}

post().then(
  (code) => { process.exitCode = code; },
  (error) => { annotate('error', error.message); process.exitCode = 1; },
);
