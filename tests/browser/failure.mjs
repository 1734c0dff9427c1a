/** What a check found wrong, in a sentence for people. */
export class Failure extends Error {}
