import { createMemoryStore } from "./memory-store.ts";
import { describeStoreContract } from "./store-contract.ts";

describeStoreContract("memory", () => Promise.resolve(createMemoryStore()));
