/**
 * What the node under test can do. Trellis must do everything; a peer (anvil) runs the same suite so that a mistake in
 * a test shows up against an independent implementation, and skips only what is listed here, each with its reason.
 * TRELLIS_SKIP_NOTHING=1 runs even those, to see what the peer does instead.
 */

const ANVIL = {
  modulePaths: 'anvil serves one chain; the stand-in only routes the paths',
  bftFinality: 'anvil reports safe and finalized as blocks in the past',
  emptyBlocks: 'anvil on a timer mines empty blocks',
  feeWaiting: 'anvil refuses a fee under the base fee instead of keeping the transaction',
  gethTexts: 'anvil words some errors its own way',
  syncTimeout: 'anvil takes no timeout in eth_sendRawTransactionSync',
  syncErrors: 'anvil has no errors of its own in eth_sendRawTransactionSync',
  accessListErrors: 'anvil refuses where the answer should carry the error',
  gasCap: 'anvil does not enforce the gas cap of EIP-7825',
  staticRules: 'anvil leaves some rules to the block: calldata floor, empty authorization lists, the replacement bump',
  estimateChecksFunds: 'anvil estimates gas for a transfer nobody can pay',
  refusesUnprotected: 'anvil accepts transactions without a chain id',
  noUnlockedAccounts: 'anvil signs for its dev accounts',
  refusesBlobs: 'anvil accepts blob transactions',
  noProofs: 'anvil answers eth_getProof',
  batchLimit: 'anvil answers batches of any length',
  boundedCalls: 'anvil runs an eth_call for as long as it takes',
  intervalBlocks: 'anvil mines each transaction alone and at once',
  strictInput: 'anvil tolerates malformed parameters that Ethereum nodes refuse',
  messages: 'anvil is one chain',
  lifecycle: 'the stand-in is not the trellis binary',
};

/** @typedef {keyof typeof ANVIL} Capability */

/**
 * @param {string} clientVersion  answer of web3_clientVersion
 * @returns {(capability: Capability) => string | false}  why a test must be skipped, or false
 */
export function missing(clientVersion) {
  if (!clientVersion.startsWith('anvil/') || process.env.TRELLIS_SKIP_NOTHING) return () => false;
  return (capability) => {
    if (!(capability in ANVIL)) throw new Error(`unknown capability ${capability}`);
    return ANVIL[capability];
  };
}
