// Tests are compiled by tsc into build-ts first; each file is its own process, so that a crash kills one file only.
export default {
  files: ['build-ts/test/**/*.test.js'],
  workerThreads: false,
  timeout: '4m',
};
