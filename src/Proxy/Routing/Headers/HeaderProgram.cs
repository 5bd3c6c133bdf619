using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Routing.Headers;

/// <summary>
/// Header changes of which some depend on the message: the levels in the order of their evaluation, to be played by
/// <see cref="HeaderEvaluation"/> for each message. Immutable.
/// </summary>
internal sealed class HeaderProgram
{
    private HeaderProgram(HeaderProgramLevel[] levels) => Levels = levels;

    /// <summary>The levels, first evaluated first.</summary>
    public HeaderProgramLevel[] Levels { get; }

    /// <summary>What must be kept of an exchange for the values.</summary>
    public AccessLogNeeds Needs => Levels.SelectMany(static level => level.Steps)
        .Aggregate(AccessLogNeeds.None, static (needs, step) => needs | (step.Format?.Needs ?? AccessLogNeeds.None));

    /// <summary>The program of these levels; null where every value is the same for each message, so that none is needed.</summary>
    /// <param name="names">The names of all levels in lower case; steps refer to them by index.</param>
    /// <param name="levels">The levels; their values are known to be valid formats.</param>
    public static HeaderProgram? Compile(List<string> names, ReadOnlySpan<HeaderRules> levels)
    {
        var compiled = new HeaderProgramLevel[levels.Length];
        var isConstant = true;
        for (var i = 0; i < levels.Length; i++)
        {
            var steps = new HeaderProgramStep[levels[i].Add.Length];
            for (var j = 0; j < steps.Length; j++)
            {
                var option = levels[i].Add[j];
                var format = HeaderValueFormat.Parse(option.Value);
                var isSame = format.TryGetConstant(out var constant);
                isConstant &= isSame;
                steps[j] = new HeaderProgramStep(IndexOf(names, option.Name), option.AppendAction, option.KeepEmptyValue, constant, isSame ? null : format);
            }

            compiled[i] = new HeaderProgramLevel([.. levels[i].Remove.Select(name => IndexOf(names, name))], steps);
        }

        return isConstant ? null : new HeaderProgram(compiled);
    }

    private static int IndexOf(List<string> names, string name) => names.IndexOf(name.ToLowerInvariant());
}

/// <summary>One level: the names to remove, then what to set.</summary>
internal sealed record HeaderProgramLevel(int[] Removed, HeaderProgramStep[] Steps);

/// <summary>One header to set.</summary>
/// <param name="Name">Index of its name.</param>
/// <param name="Action">What happens where the header is there already.</param>
/// <param name="KeepsEmpty">True to set an empty value.</param>
/// <param name="Constant">The value where <paramref name="Format"/> is null.</param>
/// <param name="Format">Makes the value for a message; null where it is always the same.</param>
internal sealed record HeaderProgramStep(int Name, HeaderAppendAction Action, bool KeepsEmpty, byte[] Constant, HeaderValueFormat? Format);
