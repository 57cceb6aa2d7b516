package expression

// price charges the meter for a call before it is made, or refuses the call.
type price func(m *meter, x any, args []any) error

// free are natives whose work does not grow with their data.
var free = map[string]bool{
	"type": true, "has": true, "error": true, "_alternative": true, "_allocator": true, "_break": true, "_range": true,
}

// prices are the natives that do more in one instruction than look at their
// operands once. Whatever is in neither table pays for its operands flat.
var prices = map[string]price{
	"_add": priceAdd, "_multiply": priceMultiply, "_divide": priceDivide, "_subtract": priceSubtract, "_modulo": priceNumbers,
	"_equal": priceCompare, "_notequal": priceCompare,
	"_greater": priceCompare, "_less": priceCompare, "_greatereq": priceCompare, "_lesseq": priceCompare,

	"_index": priceIndex, "_slice": priceIndex, "length": priceString,
	"getpath": priceArgs, "setpath": priceSetpath, "_setpath": priceUpdate,
	"delpaths": priceDelete, "_delpaths": priceDelete,

	"tojson": priceText, "tostring": priceText, "format": priceText, "_tohtml": priceText, "_touri": priceText,
	"_tourid": priceText, "_tocsv": priceText, "_totsv": priceText, "_tosh": priceText, "_tobase64": priceText, "_tobase64d": priceText,

	"add": priceSum, "join": priceJoin, "split": priceSplit, "explode": priceSplit, "fromjson": priceParse, "tonumber": priceParse,
	"contains": priceProduct, "inside": priceProduct, "indices": priceSearch, "index": priceSearch, "rindex": priceSearch,

	"sort": priceSort, "_sort_by": priceSort, "_group_by": priceSort, "unique": priceSort, "_unique_by": priceSort,
	"min": priceSort, "max": priceSort, "_min_by": priceSort, "_max_by": priceSort, "bsearch": priceSort,
	"flatten": priceDeep, "transpose": priceTranspose,

	eachName: priceEach,
	"_match": priceMatch, "strftime": priceFormat, "strptime": priceZone, "jn": priceBessel, "yn": priceBessel,
}

// guard returns f as the machine calls it: paid for, and with the clock of m.
func guard(m *meter, name string, f native) native {
	if name == "now" {
		return func(any, []any) any { return m.now }
	}
	if free[name] {
		return f
	}
	cost := prices[name]
	if cost == nil {
		cost = priceFlat
	}
	isolate := name == "delpaths" || name == "_delpaths"
	return func(x any, args []any) any {
		if err := cost(m, x, args); err != nil {
			return err
		}
		// Deleting writes through the whole tree, even where nothing changes, and
		// so into values that other executions read at the same time.
		if paths, ok := args0(args).([]any); isolate && ok && len(paths) > 0 {
			x = clone(x)
		}
		return f(x, args)
	}
}

func args0(args []any) any {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

func priceFlat(m *meter, x any, args []any) error {
	cost := flat(x)
	for _, a := range args {
		cost += flat(a)
	}
	return m.charge(cost)
}

func priceArgs(m *meter, _ any, args []any) error { return m.charge(flat(args[0])) }
