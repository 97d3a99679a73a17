// What has a fixed place in linear memory, which is little: the module's own constants and the region
// directory. Everything else is a region whose address is decided at run time.
//
// Only integer literals, +, * and << below bit 31 are used in this folder: they mean the same in
// AssemblyScript and JavaScript (test/layout.test.ts holds us to it).

/** Bumped by any change that makes an older reader wrong; compared when a datapath starts. */
export const LAYOUT_SEQ: u32 = 1;

/** Pages of the switch's memory (64 KiB each): all of a 32-bit address space; untouched ones are free. */
export const MEMORY_PAGES: u32 = 65536;

/** The module's own constants; equals `memoryBase` in asconfig.json. */
export const AS_STATIC_BASE: u32 = 1024;
export const AS_STATIC_SIZE: u32 = 64 * 1024 + 63 * 1024;

/** First byte that the region allocator gives out; regions are multiples of the granule. */
export const REGION_BASE: u32 = 2 * 1024 * 1024;
export const REGION_GRANULE: u32 = 2 * 1024 * 1024;
/** The last granule stays unused, so that no address computation wraps. */
export const REGION_END: u32 = 2045 * 1024 * 1024 + 2049 * 1024 * 1024;
