using System.Collections.Frozen;
using System.Reflection;
using System.Reflection.Emit;

namespace KubeProxyNet.Testing;

/// <summary>Finds the types that a compiled type refers to, in its signatures and in its code. Constants leave no trace in compiled code.</summary>
public static class CompiledReferences
{
    private const BindingFlags Everything =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    private static readonly FrozenDictionary<short, OpCode> OpCodesByValue = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToFrozenDictionary(code => code.Value);

    /// <summary>Every type that <paramref name="type"/> refers to, each once, with the parts of generic and array types.</summary>
    public static IEnumerable<Type> Of(Type type)
    {
        ArgumentNullException.ThrowIfNull(type);
        IEnumerable<Type?> direct =
        [
            type.BaseType,
            .. type.GetInterfaces(),
            .. type.GetFields(Everything).Select(field => field.FieldType),
            .. type.GetMethods(Everything).SelectMany(InMethod),
            .. type.GetConstructors(Everything).SelectMany(InMethod),
        ];
        return direct.SelectMany(Parts).Distinct();
    }

    private static IEnumerable<Type?> InMethod(MethodBase method)
    {
        IEnumerable<Type?> types = method.GetParameters().Select(parameter => parameter.ParameterType);
        if (method is MethodInfo { ReturnType: var result })
        {
            types = types.Append(result);
        }

        return method.GetMethodBody() is { } body
            ? types.Concat(body.LocalVariables.Select(local => local.LocalType)).Concat(InCode(method, body.GetILAsByteArray()!))
            : types;
    }

    private static IEnumerable<Type?> InCode(MethodBase method, byte[] code)
    {
        for (var at = 0; at < code.Length;)
        {
            var value = code[at] == 0xFE ? unchecked((short)(0xFE00 | code[at + 1])) : code[at];
            var opCode = OpCodesByValue[value];
            at += opCode.Size;
            if (opCode.OperandType is OperandType.InlineMethod or OperandType.InlineType or OperandType.InlineField or OperandType.InlineTok)
            {
                foreach (var type in Resolve(method, BitConverter.ToInt32(code, at)))
                {
                    yield return type;
                }
            }

            at += opCode.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, at)),
                _ => 4,
            };
        }
    }

    private static IEnumerable<Type?> Resolve(MethodBase method, int token)
    {
        var ofType = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        var ofMethod = method.IsGenericMethod ? method.GetGenericArguments() : null;
        return method.Module.ResolveMember(token, ofType, ofMethod) switch
        {
            Type type => [type],
            MethodInfo called => [called.DeclaringType, called.ReturnType, .. called.GetGenericArguments()],
            { } member => [member.DeclaringType],
            null => [],
        };
    }

    private static IEnumerable<Type> Parts(Type? type)
    {
        if (type is null)
        {
            yield break;
        }

        yield return type;
        IEnumerable<Type> below = type.HasElementType ? [type.GetElementType()!] : type.IsGenericType ? type.GetGenericArguments() : [];
        foreach (var part in below.SelectMany(Parts))
        {
            yield return part;
        }
    }
}
