#include "textflag.h"

// machine executes a Program. It is never called from Go: its bytes are mapped into
// a zygote and called as int64_t machine(uint8_t *memory, uint64_t step), by the
// calling convention of the System V ABI. They refer to nothing but their arguments.
//
// It returns a step's Stop, or the negative error number of a failed step that has
// no Fault. In between it may return twice, as fork does, or not at all.
//
//	BX   memory: registers, fault message, offsets, arguments
//	R12  the step
//	R13  data
//	R14  the first step
TEXT ·machine(SB), NOSPLIT|NOFRAME, $0-0
	PUSHQ BX
	PUSHQ R12
	PUSHQ R13
	PUSHQ R14
	MOVQ  DI, BX
	MOVQ  528(DI), R14
	ADDQ  DI, R14
	MOVQ  536(DI), R13
	ADDQ  DI, R13
	MOVQ  SI, R12
	SHLQ  $7, R12
	ADDQ  R14, R12

step:
	MOVQ $5, CX

argument:
	MOVQ    64(R12)(CX*8), AX
	MOVBLZX 56(R12)(CX*1), DX
	CMPL    DX, $1
	JCS     resolved          // a constant
	JEQ     data
	CMPL    DX, $3
	JCS     register
	JEQ     address
	MOVL    (R13)(AX*1), AX   // 32 bits of data
	JMP     resolved

data:
	ADDQ R13, AX
	JMP  resolved

register:
	MOVQ (BX)(AX*8), AX
	JMP  resolved

address:
	LEAQ (BX)(AX*8), AX

resolved:
	MOVQ AX, 544(BX)(CX*8)
	DECQ CX
	JGE  argument
	MOVQ 544(BX), DI
	MOVQ 552(BX), SI
	MOVQ 560(BX), DX
	MOVQ 568(BX), R10
	MOVQ 576(BX), R8
	MOVQ 584(BX), R9
	MOVQ (R12), AX
	SYSCALL
	CMPQ AX, $-4095
	JCC  failed
	CMPQ AX, 8(R12)
	JCS  short

	MOVQ  16(R12), CX         // save the result
	TESTQ CX, CX
	JEQ   kept
	MOVQ  AX, (BX)(CX*8)

kept:
	MOVQ  24(R12), CX         // go elsewhere in a child
	TESTQ CX, CX
	JEQ   straight
	TESTQ AX, AX
	JNE   straight
	SHLQ  $7, CX
	LEAQ  (R14)(CX*1), R12
	JMP   step

straight:
	MOVQ  32(R12), CX         // again, until the result is what it should be
	TESTQ CX, CX
	JEQ   once
	CMPQ  AX, (BX)(CX*8)
	JNE   step

once:
	MOVQ  40(R12), AX         // return
	TESTQ AX, AX
	JNE   done
	ADDQ  $128, R12
	JMP   step

short:
	MOVQ $-5, AX              // EIO

failed:
	MOVL  48(R12), CX
	TESTL CX, CX
	JEQ   done
	NEGQ  AX
	MOVL  CX, 512(BX)
	MOVL  52(R12), CX
	MOVL  CX, 516(BX)
	MOVL  AX, 520(BX)
	MOVQ  8(BX), DI           // the control socket
	LEAQ  512(BX), SI
	MOVQ  $12, DX
	MOVQ  $1, AX              // write
	SYSCALL

exit:
	MOVQ $125, DI
	MOVQ $231, AX             // exit_group
	SYSCALL
	JMP  exit

done:
	POPQ R14
	POPQ R13
	POPQ R12
	POPQ BX
	RET
	QUAD $0x5a594f4745205441  // the end, see Code
	QUAD $0x4c415a4152455421

DATA ·start(SB)/8, $·machine(SB)
GLOBL ·start(SB), RODATA, $8
