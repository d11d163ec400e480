# A client of docs/protocol.md in Julia: corrbench verify "cmd:julia --startup-file=no conv2d.jl"

"The whole numbers of a key, such as \"x\":[1,2,3,4]; nothing if the key is not there. No blanks come between."
function numbers(text, key)
    found = match(Regex("\"$key\":\\[?([-0-9,]*[0-9])"), text)
    found === nothing ? nothing : parse.(Int, split(found[1], ","))
end

function answer(text, array = UInt8[])
    write(stdout, htol(UInt64(sizeof(text))), text, array)
    flush(stdout)
end

"An array in C's order is one with the axes in reverse in Julia's."
array(T, shape) = read!(stdin, Array{T}(undef, reverse(shape)...))

function conv2d(T, text)
    x, w, y = numbers(text, "x"), numbers(text, "w"), numbers(text, "y")
    s, p, d = numbers(text, "stride"), numbers(text, "padding"), numbers(text, "dilation")
    groups, b = numbers(text, "groups")[1], numbers(text, "b")
    X, W = array(T, x), array(T, w)
    B = b === nothing ? zeros(T, w[1]) : array(T, b)
    Y = zeros(T, reverse(y)...)
    for n in 1:y[1], o in 1:y[2], i in 1:y[3], j in 1:y[4]
        total = Float64(B[o])
        first = (o - 1) ÷ (w[1] ÷ groups) * w[2] # channels before those that this kernel sees
        for c in 1:w[2], k in 1:w[3], l in 1:w[4]
            row = (i - 1) * s[1] + (k - 1) * d[1] - p[1] + 1
            column = (j - 1) * s[2] + (l - 1) * d[2] - p[3] + 1
            if 1 <= row <= x[3] && 1 <= column <= x[4]
                total += Float64(X[column, row, first + c, n]) * Float64(W[l, k, c, o])
            end
        end
        Y[j, i, o, n] = total
    end
    answer("{\"y\":[$(join(y, ","))]}", Y)
end

while !eof(stdin)
    text = String(read(stdin, ltoh(read(stdin, UInt64))))
    if occursin("\"hello\"", text)
        answer("{\"protocol\":1,\"dtypes\":[\"float32\",\"float64\"]}")
    else
        conv2d(occursin("\"float64\"", text) ? Float64 : Float32, text)
    end
end
