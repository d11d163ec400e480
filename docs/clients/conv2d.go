// A client of docs/protocol.md in Go: go build conv2d.go && corrbench verify cmd:./conv2d
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"os"
)

type call struct {
	Hello                                 string
	Dtype                                 string
	X, W, B, Y, Stride, Padding, Dilation []int
	Groups                                int
}

var in, out = bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func answer(words, array any) {
	text, err := json.Marshal(words)
	must(err)
	for _, part := range []any{uint64(len(text)), text, array} {
		must(binary.Write(out, binary.LittleEndian, part))
	}
	must(out.Flush())
}

func read[T float32 | float64](shape []int) []T {
	count := 1
	for _, size := range shape {
		count *= size
	}
	array := make([]T, count)
	must(binary.Read(in, binary.LittleEndian, array))
	return array
}

func conv2d[T float32 | float64](a call) {
	x, w, y, b := read[T](a.X), read[T](a.W), make([]T, a.Y[0]*a.Y[1]*a.Y[2]*a.Y[3]), make([]T, a.W[0])
	if a.B != nil {
		b = read[T](a.B)
	}
	for at := range y {
		j, i, o, n := at%a.Y[3], at/a.Y[3]%a.Y[2], at/a.Y[3]/a.Y[2]%a.Y[1], at/a.Y[3]/a.Y[2]/a.Y[1]
		sum := float64(b[o])
		for tap := 0; tap < a.W[1]*a.W[2]*a.W[3]; tap++ {
			l, k, c := tap%a.W[3], tap/a.W[3]%a.W[2], tap/a.W[3]/a.W[2]
			row, column := i*a.Stride[0]+k*a.Dilation[0]-a.Padding[0], j*a.Stride[1]+l*a.Dilation[1]-a.Padding[2]
			if row >= 0 && row < a.X[2] && column >= 0 && column < a.X[3] {
				channel := o/(a.W[0]/a.Groups)*a.W[1] + c
				sum += float64(x[((n*a.X[1]+channel)*a.X[2]+row)*a.X[3]+column]) * float64(w[o*a.W[1]*a.W[2]*a.W[3]+tap])
			}
		}
		y[at] = T(sum)
	}
	answer(map[string]any{"y": a.Y}, y)
}

func main() {
	for length := uint64(0); binary.Read(in, binary.LittleEndian, &length) == nil; {
		text, asked := make([]byte, length), call{}
		must(binary.Read(in, binary.LittleEndian, text))
		must(json.Unmarshal(text, &asked))
		if asked.Hello != "" {
			answer(map[string]any{"protocol": 1, "dtypes": []string{"float32", "float64"}}, []byte{})
		} else if asked.Dtype == "float64" {
			conv2d[float64](asked)
		} else {
			conv2d[float32](asked)
		}
	}
}
