// What the shared constants in assembly/layout need to be read by the TypeScript compiler.

declare type u8 = number;
declare type u16 = number;
declare type u32 = number;
declare type i32 = number;
