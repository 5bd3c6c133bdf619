using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Routing.Headers;

/// <summary>
/// Plays a <see cref="HeaderProgram"/> for one message, as Envoy's header parser does: level by level; within a level every value and condition
/// sees the message as it was before the level. Used again for each message; one worker owns it. It allocates only to grow.
/// </summary>
internal sealed class HeaderEvaluation
{
    /// <summary>Most bytes of all values of one message; one that does not fit any more is left out.</summary>
    public const int MaxBytes = 256 * 1024;

    private const int None = -1;

    private HeaderMutations _mutations = HeaderMutations.None;
    private MessageHead? _head;
    private HeaderMask _added;
    private Field[] _fields = new Field[8];
    private Value[] _values = new Value[16];
    private byte[] _bytes = new byte[1024];
    private int _valueCount;
    private int _length;

    /// <summary>Length of what <see cref="WriteLines"/> writes.</summary>
    public int LinesLength { get; private set; }

    /// <summary>Plays the changes; the result stays until the next call.</summary>
    /// <param name="mutations">The changes; they have a program.</param>
    /// <param name="head">The message; null for one of our own.</param>
    /// <param name="added">Known fields that the proxy writes besides: they count as being there.</param>
    /// <param name="source">Where operators read; its headers should be those of <see cref="TryGet"/> for the side that is played.</param>
    public void Run(HeaderMutations mutations, MessageHead? head, HeaderMask added, IAccessLogSource source)
    {
        _mutations = mutations;
        _head = head;
        _added = added;
        _valueCount = _length = 0;
        var items = mutations.Items;
        if (_fields.Length < items.Length)
        {
            _fields = new Field[items.Length];
        }

        for (var i = 0; i < items.Length; i++)
        {
            _fields[i] = new Field { Keeps = IsPresent(items[i]), First = None, Last = None };
        }

        foreach (var level in mutations.Program!.Levels)
        {
            Play(level, source);
        }

        LinesLength = 0;
        for (var i = 0; i < items.Length; i++)
        {
            for (var value = _fields[i].First; value != None; value = _values[value].Next)
            {
                LinesLength += items[i].Name.Length + _values[value].Length + 4;
            }
        }
    }

    /// <summary>True where the fields of that item which the message has are forwarded.</summary>
    public bool Keeps(int index) => _fields[index].Keeps;

    /// <summary>Writes what is added, as HTTP/1 field lines.</summary>
    public void WriteLines(ref ByteWriter writer)
    {
        for (var i = 0; i < _mutations.Items.Length; i++)
        {
            for (var value = _fields[i].First; value != None; value = _values[value].Next)
            {
                writer.WriteField(_mutations.Items[i].Name, Bytes(value));
            }
        }
    }

    /// <summary>The header as it is at this point of the evaluation, by lower-case name; where there are several, the first.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        value = default;
        var index = _mutations.IndexOf(KnownHeaders.Identify(name), name);
        if (index < 0 || _fields[index].Keeps)
        {
            return _head is not null && _head.TryGet(name, out value);
        }

        var first = _fields[index].First;
        value = first == None ? default : Bytes(first);
        return first != None;
    }

    private void Play(HeaderProgramLevel level, IAccessLogSource source)
    {
        foreach (var removed in level.Removed)
        {
            _fields[removed] = new Field { First = None, Last = None };
        }

        // Values first, all of them: what one sets must not be seen by another of its level.
        var start = _valueCount;
        foreach (var step in level.Steps)
        {
            if (!TryEvaluate(step, source, out var length) || (length == 0 && !step.KeepsEmpty))
            {
                continue;
            }

            ref var field = ref _fields[step.Name];
            var exists = field.Keeps || field.First != None;
            var isWanted = step.Action switch
            {
                HeaderAppendAction.AddIfAbsent => !exists,
                HeaderAppendAction.OverwriteIfExists => exists,
                _ => true,
            };
            if (isWanted)
            {
                Add(step, length);
            }
        }

        var end = _valueCount;
        for (var i = start; i < end; i++)
        {
            if (_values[i].Overwrites)
            {
                _fields[_values[i].Name] = new Field { First = i, Last = i };
            }
        }

        for (var i = start; i < end; i++)
        {
            if (!_values[i].Overwrites)
            {
                Link(ref _fields[_values[i].Name], i);
            }
        }
    }

    private void Add(HeaderProgramStep step, int length)
    {
        if (_valueCount == _values.Length)
        {
            Array.Resize(ref _values, _values.Length * 2);
        }

        _values[_valueCount++] = new Value
        {
            Name = step.Name,
            Overwrites = step.Action is HeaderAppendAction.OverwriteIfExists or HeaderAppendAction.OverwriteIfExistsOrAdd,
            Start = _length,
            Length = length,
            Next = None,
        };
        _length += length;
    }

    private void Link(ref Field field, int value)
    {
        if (field.First == None)
        {
            field.First = value;
        }
        else
        {
            _values[field.Last].Next = value;
        }

        field.Last = value;
    }

    /// <summary>Writes a value behind those that are there. False where all of them would be too long together.</summary>
    private bool TryEvaluate(HeaderProgramStep step, IAccessLogSource source, out int length)
    {
        while (true)
        {
            var room = _bytes.AsSpan(_length);
            length = step.Constant.Length;
            if (step.Format is null ? step.Constant.AsSpan().TryCopyTo(room) : step.Format.TryFormat(source, room, out length))
            {
                return true;
            }

            if (_bytes.Length >= MaxBytes)
            {
                return false;
            }

            Array.Resize(ref _bytes, _bytes.Length * 2);
        }
    }

    private bool IsPresent(HeaderMutation item) => KnownHeaders.IsName(item.Id)
        ? _added.Contains(item.Id) || (_head is not null && _head.Has(item.Id))
        : _head is not null && _head.TryGet(item.Name, out _);

    private ReadOnlySpan<byte> Bytes(int value) => _bytes.AsSpan(_values[value].Start, _values[value].Length);

    /// <summary>What becomes of one name so far.</summary>
    private struct Field
    {
        /// <summary>The message has the header, and keeps it.</summary>
        public bool Keeps;
        public int First;
        public int Last;
    }

    private struct Value
    {
        public int Name;
        public bool Overwrites;
        public int Start;
        public int Length;
        public int Next;
    }
}
