match {"kind": "sale", "amount": 3}:
    case {"kind": "sale", "amount": amount}:
        print(amount)
    case [first, *rest]:
        print(first, rest)
