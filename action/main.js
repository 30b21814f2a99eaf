// Creates the cluster. Its name is written down before anything is made, so that the post step can
// return it whatever happens to this one.
'use strict';

const { randomBytes } = require('node:crypto');
const { join } = require('node:path');
const { annotate, input, kubelease, tell } = require('./runner.js');

async function main() {
  const provider = input('provider');
  if (!provider) {
    annotate('error', 'the input `provider` is missing');
    return 2;
  }
  const program = input('kubelease') || 'kubelease';
  const name = input('name') || `ci-${randomBytes(4).toString('hex')}`;
  // The next steps and the post step need the same ledger: kubectl asks it for its credential.
  const home = process.env.KUBELEASE_HOME || join(process.env.RUNNER_TEMP || '/tmp', 'kubelease');
  for (const [key, value] of Object.entries({ name, home, program })) tell('GITHUB_STATE', key, value);

  const args = ['create', input('profile') || 'first-steps', '--provider', provider, '--name', name,
    '--ci', '-o', 'json', '--yes'];
  for (const option of ['region', 'ttl', 'budget', 'timeout']) {
    if (input(option)) args.push(`--${option}`, input(option));
  }
  const { code, stdout } = await kubelease(program, args, { KUBELEASE_HOME: home });
  if (code !== 0) {
    annotate('error', `kubelease create ended with ${code}`);
    return code;
  }
  const { lease } = JSON.parse(stdout);
  const kubeconfig = join(home, 'kubeconfigs', `${lease.name}.yaml`);
  tell('GITHUB_ENV', 'KUBECONFIG', kubeconfig);
  tell('GITHUB_ENV', 'KUBELEASE_HOME', home);
  const outputs = {
    name: lease.name, id: lease.id, endpoint: lease.endpoint, 'expires-at': lease.expires_at, kubeconfig,
  };
  for (const [key, value] of Object.entries(outputs)) tell('GITHUB_OUTPUT', key, value);
  return 0;
}

main().then(
  (code) => { process.exitCode = code; },
  (error) => { annotate('error', error.message); process.exitCode = 1; },
);
